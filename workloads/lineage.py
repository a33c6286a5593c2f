"""Lineage of a served model: what each system says of it, and whether they say the same."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from kubernetes import client, config

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import storage_uri
from workloads.serving.inference_client import InferenceClient
from workloads.tracking import connect


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """The rows that training never saw, and what it said of them."""

    features: list[str]
    classes: list[str]
    rows: list[list[float]]
    labels: list[str]
    predicted: list[str]
    probabilities: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What the inference service, the registry, the runs and the predictor say of one served model."""

    model_name: str
    annotations: dict[str, str]
    """Of the inference service: model-name, model-version, model-digest, and the ids of runs and data."""
    service_uri: str
    """storageUri of the inference service."""
    version_uri: str
    """Where the files of the model version lie, resolved."""
    version_tags: dict[str, str]
    """Of the model version that the annotations name."""
    version_run_id: str
    """MLflow run that the registry says made it."""
    evaluation_run_ids: list[str]
    """MLflow runs with the tag of the pipeline run, by search."""
    evaluation_parent: str
    """MLflow run that the evaluation says it belongs to."""
    training_tags: dict[str, str]
    """Of the MLflow run that made the model."""
    dataset_sha256: str
    """Of the data set logged in that run."""
    predictor_digest: str
    """Of the files that the predictor loaded."""

    @property
    def pipeline_run_id(self) -> str:
        """The pipeline run that deployed it."""
        return self.annotations["pipeline-run-id"]

    @property
    def model_version(self) -> str:
        """The version that is served."""
        return self.annotations["model-version"]


def broken_links(lineage: Lineage) -> list[str]:
    """Return one line for each link that does not hold; none if it is complete both ways."""
    said, tags = lineage.annotations, lineage.version_tags
    run = said.get("pipeline-run-id", "")
    sha256 = said.get("data-sha256", "")
    links = [
        ("model version -> pipeline run", tags.get("kfp.pipeline_run_id"), run),
        ("model version -> data", tags.get("data.sha256"), sha256),
        ("model version -> digest", tags.get("model.digest"), said.get("model-digest")),
        ("model version -> MLflow run", lineage.version_run_id, said.get("mlflow-run-id")),
        ("model version -> files served", lineage.version_uri, lineage.service_uri),
        ("pipeline run -> evaluation", tags.get("gate.run_id") in lineage.evaluation_run_ids, True),
        ("evaluation -> training", lineage.evaluation_parent, said.get("mlflow-run-id")),
        ("training -> data", lineage.training_tags.get("data.sha256"), sha256),
        ("training -> data set", lineage.dataset_sha256, sha256),
        ("training -> a pipeline run", bool(lineage.training_tags.get("kfp.pipeline_run_id")), True),
        ("predictor -> digest", lineage.predictor_digest, said.get("model-digest")),
    ]
    return [
        f"{name}: {found!r}, not {wanted!r}" for name, found, wanted in links if not wanted or found != wanted
    ]


def inference_service(endpoints: Endpoints, model_name: str) -> dict[str, Any] | None:
    """Return the inference service of a model, if there is one."""
    api: Any = client.CustomObjectsApi(config.new_client_from_config(endpoints.kubeconfig))
    try:
        found = api.get_namespaced_custom_object(
            "serving.kserve.io", "v1beta1", endpoints.models_namespace, "inferenceservices", model_name
        )
    except client.ApiException as error:
        if error.status == 404:
            return None
        raise
    return cast("dict[str, Any]", found)


def annotations_of(service: dict[str, Any]) -> dict[str, str]:
    """Return our annotations of an inference service, without their prefix."""
    given: dict[str, str] = service["metadata"].get("annotations", {})
    prefix = "plinth.dev/"
    return {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}


def trace(endpoints: Endpoints, model_name: str) -> Lineage:
    """Follow a served model from its inference service to its pipeline run, and back."""
    service = inference_service(endpoints, model_name)
    if service is None:
        raise WorkloadsError(
            f"model {model_name}: is not served; run `python -m workloads run train_register_serve`"
        )
    said = annotations_of(service)
    mlflow = connect(endpoints)
    version = mlflow.get_model_version(model_name, said["model-version"])
    location = mlflow.get_model_version_download_uri(model_name, version.version)
    training = mlflow.get_run(said["mlflow-run-id"])
    query = f"tags.`kfp.pipeline_run_id` = '{said['pipeline-run-id']}' and tags.`kfp.task` = 'evaluate'"
    evaluations = {run.info.run_id: run for run in mlflow.search_runs([training.info.experiment_id], query)}
    evaluation = evaluations.get(version.tags.get("gate.run_id", ""))
    inputs = [
        tag.value
        for each in (training.inputs.dataset_inputs if training.inputs else [])
        for tag in each.tags
        if tag.key == "data.sha256"
    ]
    return Lineage(
        model_name=model_name,
        annotations=said,
        service_uri=service["spec"]["predictor"]["model"]["storageUri"],
        version_uri=storage_uri(location, endpoints.artifacts_destination),
        version_tags=dict(version.tags),
        version_run_id=str(version.run_id),
        evaluation_run_ids=list(evaluations),
        evaluation_parent=evaluation.data.tags.get("mlflow.parentRunId", "") if evaluation else "",
        training_tags=dict(training.data.tags),
        dataset_sha256=inputs[0] if inputs else "",
        predictor_digest=InferenceClient(endpoints, model_name).properties()["model_digest"],
    )


def held_back(endpoints: Endpoints, mlflow_run_id: str) -> HeldBack:
    """Return the held-back rows that a training run kept, read from MLflow."""
    mlflow = connect(endpoints)
    with TemporaryDirectory() as folder:
        path = mlflow.download_artifacts(mlflow_run_id, "held_back/held_back.json", folder)
        return HeldBack(**json.loads(Path(path).read_text()))
