"""What a gate does with a candidate: write its verdict to the version, promote it, or take it away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kubernetes import client, config

from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import candidate_name
from workloads.tracking import connect
from workloads.wait import wait

CHAMPION: Final = "champion"
_CHANGE_SECONDS: Final = 180


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A registered version that is served beside its model."""

    model_name: str
    version: str
    digest: str
    """Of its files."""
    mlflow_run_id: str
    """That trained it."""
    pipeline_run_id: str
    """That made and served it."""

    @property
    def service(self) -> str:
        """Its inference service."""
        return candidate_name(self.model_name)


def _services(endpoints: Endpoints) -> tuple[Any, dict[str, str]]:
    api: Any = client.CustomObjectsApi(config.new_client_from_config(endpoints.kubeconfig))
    kind = {
        "group": "serving.kserve.io",
        "version": "v1beta1",
        "namespace": endpoints.models_namespace,
        "plural": "inferenceservices",
    }
    return api, kind


def candidate_of(endpoints: Endpoints, model_name: str) -> Candidate:
    """Return the candidate that is served beside a model.

    Raises:
        WorkloadsError: there is none.
    """
    service = lineage.inference_service(endpoints, candidate_name(model_name))
    if service is None:
        raise WorkloadsError(f"model {model_name}: has no candidate; run the pipeline with candidate = true")
    said = lineage.annotations_of(service)
    return Candidate(
        model_name=model_name,
        version=said["model-version"],
        digest=said["model-digest"],
        mlflow_run_id=said["mlflow-run-id"],
        pipeline_run_id=said["pipeline-run-id"],
    )


def champion_of(endpoints: Endpoints, model_name: str) -> str | None:
    """Return the version that is champion; None if the model, or its champion, does not exist."""
    mlflow = connect(endpoints)
    known = mlflow.search_registered_models(f"name = '{model_name}'")
    return str(known[0].aliases[CHAMPION]) if known and CHAMPION in known[0].aliases else None


def write_tags(endpoints: Endpoints, candidate: Candidate, tags: Mapping[str, str]) -> None:
    """Write what a gate found to the model version."""
    mlflow = connect(endpoints)
    for key, value in tags.items():
        # The registry's own bound on the value of a tag.
        mlflow.set_model_version_tag(candidate.model_name, candidate.version, key, value[:5000])


def promote(endpoints: Endpoints, candidate: Candidate) -> None:
    """Serve a candidate as its model, name it champion, and take its own inference service away.

    The alias moves last: a champion that nobody serves would be a lie.
    """
    api, kind = _services(endpoints)
    chosen = lineage.inference_service(endpoints, candidate.service)
    if chosen is None:
        raise WorkloadsError(f"model {candidate.model_name}: its candidate is gone; nothing is promoted")
    body = as_model(chosen, candidate.model_name)
    if lineage.inference_service(endpoints, candidate.model_name) is None:
        api.create_namespaced_custom_object(**kind, body=body)
    else:
        api.patch_namespaced_custom_object(**kind, name=candidate.model_name, body=body)
    asked = InferenceClient(endpoints, candidate.model_name, timeout_seconds=10)

    def answers() -> str:
        try:
            return asked.properties().get("model_digest", "no digest")
        except WorkloadsError as error:
            return str(error)

    wait(
        f"model {candidate.model_name}: version {candidate.version} to answer",
        answers,
        ready=lambda digest: digest == candidate.digest,
        timeout_seconds=_CHANGE_SECONDS,
        # Pods of the former version answer until they are gone.
        successes=5,
        interval_seconds=0.5,
    )
    connect(endpoints).set_registered_model_alias(candidate.model_name, CHAMPION, candidate.version)
    withdraw(endpoints, candidate)


def withdraw(endpoints: Endpoints, candidate: Candidate) -> None:
    """Take a candidate's inference service away; its version stays registered."""
    api, kind = _services(endpoints)
    try:
        api.delete_namespaced_custom_object(**kind, name=candidate.service)
    except client.ApiException as error:
        if error.status != 404:
            raise


def as_model(service: Mapping[str, Any], model_name: str) -> dict[str, Any]:
    """Return the inference service of a model, from that of its candidate."""
    metadata = service["metadata"]
    annotations = {
        key: value
        for key, value in metadata["annotations"].items()
        if key.startswith(("plinth.dev/", "serving.kserve.io/autoscalerClass"))
    }
    labels = {**metadata["labels"], "app.kubernetes.io/instance": model_name}
    return {
        "apiVersion": service["apiVersion"],
        "kind": service["kind"],
        "metadata": {
            "name": model_name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
        },
        "spec": service["spec"],
    }
