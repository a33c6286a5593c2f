"""What runs the trials of a search: the step itself, by Optuna, or an experiment of Katib.

Embedded in the step that searches, so it imports nothing of this repository.
"""

from pathlib import Path
from typing import Any

ENGINES = ("auto", "optuna", "katib")
"""auto: Katib, where the platform has it and it can do what is asked for."""
EXPERIMENTS = {"group": "kubeflow.org", "version": "v1beta1", "plural": "experiments"}
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def refuse_engine(engine: str, *, early_stopping: bool) -> None:
    """Refuse an engine that could not run a search.

    Raises:
        ValueError: it is unknown, or Katib shall stop trials early; one line.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine {engine!r}: unknown; give one of {', '.join(ENGINES)}")
    if engine == "katib" and early_stopping:
        raise ValueError(
            "early_stopping: Katib's trials here run to their end; give engine optuna, or no early_stopping"
        )


def own_namespace() -> str:
    """Return the namespace of this pod; empty outside of a cluster."""
    return _NAMESPACE.read_text().strip() if _NAMESPACE.exists() else ""


def engine_for(engine: str, *, early_stopping: bool) -> str:
    """Return the engine of a search: where nobody chooses, Katib if the platform has it and it can do this.

    Raises:
        ValueError: Katib is asked for and is not there; one line.
    """
    if engine == "optuna" or (engine == "auto" and early_stopping):
        return "optuna"
    namespace = own_namespace()
    if namespace and _may_create(namespace):
        return "katib"
    if engine == "auto":
        return "optuna"
    where = f"namespace {namespace}" if namespace else "this machine"
    raise ValueError(
        f"engine 'katib': {where} has no Katib; give auto or optuna, or set plinth:tuning.enabled"
    )


def _may_create(namespace: str) -> bool:
    """Return whether this pod may create experiments: it may where the platform has Katib."""
    from kubernetes import client, config

    config.load_incluster_config()
    asked = {
        "namespace": namespace,
        "verb": "create",
        "group": EXPERIMENTS["group"],
        "resource": EXPERIMENTS["plural"],
    }
    review = {"spec": {"resourceAttributes": asked}}
    api: Any = client.AuthorizationV1Api()
    return bool(api.create_self_subject_access_review(review).status.allowed)
