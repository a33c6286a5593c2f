"""Lineage of a served model: what each system records about it, and whether the records agree."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import storage_uri
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices, is_ready, version_of
from workloads.serving.request_parts import instances
from workloads.serving.served_version import ServedVersion
from workloads.steps import registered
from workloads.tracking import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """The rows that training never saw, with the predictions made for them at training time."""

    features: list[str]
    classes: list[str]
    """Empty for a regression."""
    rows: list[list[Any]]
    labels: list[Any]
    """Classes, or the quantities of a regression; equal for sentences that say the same."""
    predicted: list[Any]
    """As the labels; of sentences, their vectors."""
    probabilities: list[list[float]]
    """Empty for a regression."""
    kinds: list[str] = field(default_factory=list[str])
    """number, boolean or text for each feature; empty if all are numbers, which are sent as a matrix."""
    tolerance: float = 1e-9
    """How far a served answer may be from the expected one."""

    @property
    def instances(self) -> list[Any]:
        """Rows as a client sends them by the v1 protocol."""
        return instances(self.rows, self.features, self.kinds)

    @property
    def answers(self) -> list[Any]:
        """What the served model must answer to each row: probabilities, or the predicted quantity."""
        return self.probabilities if self.classes else self.predicted

    def largest_difference(self, served: list[Any]) -> float:
        """Return how far answers are from the expected ones; for large quantities, in proportion."""
        pairs = zip(_flat(served), _flat(self.answers), strict=True)
        return max(abs(actual - expected) / max(1.0, abs(expected)) for actual, expected in pairs)


def _flat(answers: list[Any]) -> list[float]:
    return [
        value
        for each in answers
        for value in (cast("list[float]", each) if isinstance(each, list) else [each])
    ]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What the InferenceService, the registry, the runs and the predictor record about one served model."""

    model_name: str
    served: ServedVersion
    """The version that the InferenceService's annotations record."""
    service_uri: str
    """storageUri of the InferenceService."""
    version_uri: str
    """Resolved location of the model version's files."""
    version_tags: dict[str, str]
    """Tags of the served model version in the registry."""
    version_run_id: str
    """MLflow run that made the version, according to the registry."""
    evaluation_run_ids: list[str]
    """MLflow runs with the tag of the pipeline run, by search."""
    evaluation_parent: str
    """Parent of the evaluation's MLflow run."""
    training_tags: dict[str, str]
    """Tags of the MLflow run that made the model."""
    dataset_sha256: str
    """SHA-256 of the data set logged in that run."""
    predictor_digest: str
    """Digest of the files that the predictor loaded."""
    search_tags: dict[str, str] = field(default_factory=dict[str, str])
    """Tags of the MLflow run whose search found the parameters; empty if nobody searched."""
    best_trial_parent: str = ""
    """Parent of the MLflow run of its best trial."""
    nodes_tags: dict[str, str] = field(default_factory=dict[str, str])
    """Tags of the MLflow run in which several nodes have trained its trees; empty if one has."""

    @property
    def pipeline_run_id(self) -> str:
        """The pipeline run that deployed it."""
        return self.served.pipeline_run_id

    @property
    def model_version(self) -> str:
        """The version that is served."""
        return self.served.model_version


def broken_links(lineage: Lineage) -> list[str]:
    """Return one line for each link that does not hold; none if the lineage is complete."""
    served, tags = lineage.served, lineage.version_tags
    links = [
        ("model version -> pipeline run", tags.get("kfp.pipeline_run_id"), served.pipeline_run_id),
        ("model version -> data", tags.get("data.sha256"), served.data_sha256),
        ("model version -> digest", tags.get("model.digest"), served.model_digest),
        ("model version -> MLflow run", lineage.version_run_id, served.mlflow_run_id),
        ("model version -> files served", lineage.version_uri, lineage.service_uri),
        ("pipeline run -> evaluation", tags.get("gate.run_id") in lineage.evaluation_run_ids, True),
        ("evaluation -> training", lineage.evaluation_parent, served.mlflow_run_id),
        ("training -> data", lineage.training_tags.get("data.sha256"), served.data_sha256),
        ("training -> data set", lineage.dataset_sha256, served.data_sha256),
        ("training -> a pipeline run", bool(lineage.training_tags.get("kfp.pipeline_run_id")), True),
        ("predictor -> digest", lineage.predictor_digest, served.model_digest),
    ]
    return unequal(links + _links_of_search(lineage) + _links_of_nodes(lineage))


def _links_of_search(lineage: Lineage) -> list[tuple[str, object, object]]:
    training, search = lineage.training_tags, lineage.search_tags
    if not training.get("search.run_id"):
        return []
    return [
        ("search -> data", search.get("data.sha256"), lineage.served.data_sha256),
        ("search -> parameters", search.get("search.parameters"), training.get("search.parameters")),
        ("search -> best trial", lineage.best_trial_parent, training["search.run_id"]),
    ]


def _links_of_nodes(lineage: Lineage) -> list[tuple[str, object, object]]:
    training, nodes = lineage.training_tags, lineage.nodes_tags
    if not training.get("nodes.run_id"):
        return []
    run = nodes.get("kfp.pipeline_run_id", "")
    return [
        ("nodes -> data", nodes.get("data.sha256"), lineage.served.data_sha256),
        ("nodes -> train job", nodes.get("nodes.train_job"), f"nodes-{run}"),
    ]


def unequal(links: Iterable[tuple[str, object, object]]) -> list[str]:
    """Return one line for each link whose two ends do not agree.

    Args:
        links: name, what was found, and what it must be; an end that must be and is nothing is no link.
    """
    return [
        f"{name}: {actual!r}, not {expected!r}"
        for name, actual, expected in links
        if not expected or actual != expected
    ]


def data_digest(run: Run) -> str:
    """Return the SHA-256 of the data set that a run of MLflow has logged; empty if it has logged none."""
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return next((tag.value for each in inputs for tag in each.tags if tag.key == "data.sha256"), "")


def trace(endpoints: Endpoints, model_name: str) -> Lineage:
    """Follow a served model from its InferenceService to its pipeline run, and back."""
    service = InferenceServices(endpoints).of_model(model_name)
    if service is None:
        raise WorkloadsError(
            f"model {model_name}: is not served; run `python -m workloads run train_register_serve`"
        )
    served = version_of(service)
    mlflow = connect(endpoints)
    version = mlflow.get_model_version(model_name, served.model_version)
    location = mlflow.get_model_version_download_uri(model_name, version.version)
    training = mlflow.get_run(served.mlflow_run_id)
    query = f"tags.`kfp.pipeline_run_id` = '{served.pipeline_run_id}' and tags.`kfp.task` = 'evaluate'"
    evaluations = {run.info.run_id: run for run in mlflow.search_runs([training.info.experiment_id], query)}
    evaluation = evaluations.get(version.tags.get("gate.run_id", ""))
    search_tags, best_trial_parent = _search(mlflow, training.data.tags.get("search.run_id", ""))
    nodes_run = training.data.tags.get("nodes.run_id", "")
    return Lineage(
        model_name=model_name,
        served=served,
        service_uri=service["spec"]["predictor"]["model"]["storageUri"],
        version_uri=storage_uri(location, endpoints.artifacts_destination),
        version_tags=dict(version.tags),
        version_run_id=str(version.run_id),
        evaluation_run_ids=list(evaluations),
        evaluation_parent=evaluation.data.tags.get("mlflow.parentRunId", "") if evaluation else "",
        training_tags=dict(training.data.tags),
        dataset_sha256=data_digest(training),
        # At the version's own host: during a rollout the model's leads to two versions.
        predictor_digest=InferenceClient(
            endpoints, model_name, service=service["metadata"]["name"]
        ).properties()["model_digest"],
        search_tags=search_tags,
        best_trial_parent=best_trial_parent,
        nodes_tags=dict(mlflow.get_run(nodes_run).data.tags) if nodes_run else {},
    )


def _search(mlflow: MlflowClient, run_id: str) -> tuple[dict[str, str], str]:
    """Return the tags of a search's run, and the parent of its best trial; nothing where nobody searched."""
    if not run_id:
        return {}, ""
    tags = dict(mlflow.get_run(run_id).data.tags)
    best = mlflow.get_run(tags.get("search.best_run_id", ""))
    return tags, best.data.tags.get("mlflow.parentRunId", "")


def serves_champion(endpoints: Endpoints, model_name: str) -> bool:
    """Return whether the champion is served and ready; a run that was cut off leaves an unproven version."""
    service = InferenceServices(endpoints).of_model(model_name)
    if service is None or not is_ready(service):
        return False
    served = connect(endpoints).get_model_version(model_name, version_of(service).model_version)
    return "champion" in served.aliases


def data_of(endpoints: Endpoints, model_name: str) -> str:
    """Return the data that the newest version of a model is trained on; empty if there is none."""
    from mlflow.exceptions import MlflowException

    mlflow = connect(endpoints)
    try:
        versions = mlflow.search_model_versions(f"name = '{model_name}'", max_results=1000)
        return registered.data_of(mlflow, versions)
    except MlflowException as error:
        raise WorkloadsError(
            f"model {model_name}: the registry does not answer ({str(error).splitlines()[0][:200]}); "
            "is the platform up?"
        ) from None


def read_held_back(endpoints: Endpoints, mlflow_run_id: str) -> HeldBack:
    """Return the held-back rows that a training run logged to MLflow."""
    mlflow = connect(endpoints)
    with TemporaryDirectory() as folder:
        path = mlflow.download_artifacts(mlflow_run_id, "held_back/held_back.json", folder)
        return HeldBack(**json.loads(Path(path).read_text()))
