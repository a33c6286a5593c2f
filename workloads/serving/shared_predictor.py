"""One predictor for several models: an InferenceService whose pods hold a folder of each model.

All are in one process, so a further small model costs a few megabytes instead of a pod. They share its CPU,
its memory and its end. Their requests go to the host of the predictor, not of the model.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workloads.contract import MODELS_FOLDER, StepVariable
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.deployment import adopt_environment, location_of, registered_version
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import inference_service
from workloads.serving.inference_services import InferenceServices
from workloads.serving.runtime_choice import chosen_runtime
from workloads.serving.served_version import ServedVersion
from workloads.wait import wait

SHARED: Final = "plinth.dev/shared-models"
"""Annotation of the InferenceService: JSON, model -> version."""
MOST: Final = 40
"""Models of one predictor: with more, one that fails takes too many along."""
_RESOURCES: Final[Mapping[str, Any]] = {
    "requests": {"cpu": "50m", "memory": "384Mi"},
    "limits": {"memory": "2Gi"},
}
_BLOCKED: Final = ("BlockedByFailedLoad", "InvalidSpec")


def shared_service(
    name: str,
    namespace: str,
    locations: Mapping[str, str],
    versions: Mapping[str, str],
    *,
    runtime: str,
    service_account: str,
) -> dict[str, Any]:
    """Return the InferenceService of several models.

    Args:
        name: Its name, and that of its host.
        namespace: Its namespace.
        locations: Model -> URI of its folder in the object store.
        versions: Model -> version.
        runtime: The serving runtime by name.
        service_account: Account that may read the folders.
    """
    service = inference_service(
        name,
        namespace,
        storage_uri="",
        runtime=runtime,
        service_account=service_account,
        annotations={SHARED: json.dumps(dict(versions))},
    )
    predictor = service["spec"]["predictor"]
    del predictor["model"]["storageUri"]
    predictor["model"]["resources"] = dict(_RESOURCES)
    predictor["storageUris"] = [
        {"uri": uri, "mountPath": f"{MODELS_FOLDER}/{model}"} for model, uri in sorted(locations.items())
    ]
    return service


def versions_in(service: Mapping[str, Any]) -> dict[str, str]:
    """Return model -> version of a shared predictor; empty for any other service."""
    return json.loads((service["metadata"].get("annotations") or {}).get(SHARED, "{}"))


def deploy_together(
    endpoints: Endpoints, name: str, versions: Mapping[str, str], *, timeout_seconds: float
) -> list[ServedVersion]:
    """Serve several models from one predictor; return once each answers with its own files.

    A predictor of that name gets exactly these models: its old pods answer until a new one has loaded all of
    them. If that fails, everything is as it was.

    Args:
        endpoints: The platform.
        name: The predictor.
        versions: Model -> version; at least one.
        timeout_seconds: Of the wait.

    Raises:
        WorkloadsError: the models cannot be served together, or one of them cannot be loaded.
    """
    if len(versions) > MOST:
        raise WorkloadsError(f"predictor {name}: {len(versions)} models are too many; give at most {MOST}")
    services = InferenceServices(endpoints)
    former = services.get(name)
    if former is not None and not versions_in(former):
        raise WorkloadsError(f"predictor {name}: an inference service of that name serves something else")
    records = [registered_version(endpoints, model, versions[model]) for model in sorted(versions)]
    adopt_environment(endpoints)
    service = shared_service(
        name,
        endpoints.models_namespace,
        {model: location_of(endpoints, model, version) for model, version in versions.items()},
        versions,
        runtime=_one_runtime(name, versions),
        service_account=os.environ[StepVariable.MODELS_SERVICE_ACCOUNT],
    )
    services.create_or_patch(service)
    try:
        _wait_until_served(endpoints, services, name, records, former, timeout_seconds)
    except BaseException:
        if former is None:
            services.delete(name)
        else:
            services.create_or_patch(_without_status(former))
        raise
    return records


def remove(endpoints: Endpoints, name: str) -> dict[str, str]:
    """Remove a shared predictor; return model -> version of what it has served.

    Raises:
        WorkloadsError: there is none of that name.
    """
    services = InferenceServices(endpoints)
    service = services.get(name)
    versions = versions_in(service) if service else {}
    if not versions:
        raise WorkloadsError(f"predictor {name}: serves no models together; `kubectl get isvc` lists all")
    services.delete(name)
    return versions


def _one_runtime(name: str, versions: Mapping[str, str]) -> str:
    runtimes = {model: chosen_runtime(model, version) for model, version in sorted(versions.items())}
    (first, runtime), *others = runtimes.items()
    for model, other in others:
        if other != runtime:
            raise WorkloadsError(
                f"predictor {name}: {first} needs the runtime {runtime}, {model} needs {other}; "
                "give models of one family"
            )
    return runtime


def _wait_until_served(
    endpoints: Endpoints,
    services: InferenceServices,
    name: str,
    records: Sequence[ServedVersion],
    former: Mapping[str, Any] | None,
    timeout_seconds: float,
) -> None:
    old_failure = _failure(former or {})

    def missing() -> tuple[list[str], str]:
        failure = _failure(services.get(name) or {})
        unserved = [each.model_name for each in records if not _serves(endpoints, name, each)]
        return unserved, "" if failure == old_failure else failure

    wait(
        f"predictor {name}",
        missing,
        ready=lambda status: not status[0],
        error=lambda status: status[1] if status[0] else None,
        describe=lambda status: f"{', '.join(status[0])} not served yet",
        timeout_seconds=timeout_seconds,
    )


def _serves(endpoints: Endpoints, name: str, version: ServedVersion) -> bool:
    client = InferenceClient(endpoints, version.model_name, service=name)
    try:
        return client.properties().get("model_digest") == version.model_digest
    except WorkloadsError:
        return False


def _failure(service: Mapping[str, Any]) -> str:
    status = service.get("status", {}).get("modelStatus", {})
    if status.get("transitionStatus") not in _BLOCKED:
        return ""
    found = status.get("lastFailureInfo", {})
    return found.get("message") or found.get("reason") or status["transitionStatus"]


def _without_status(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a former service was, for a patch; the API server's own fields are left out."""
    metadata = {key: service["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    return {**{key: service[key] for key in ("apiVersion", "kind", "spec")}, "metadata": metadata}
