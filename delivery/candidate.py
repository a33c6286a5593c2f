"""Candidates: registered model versions that run next to the one that serves until they are judged."""

from dataclasses import dataclass
from typing import Self

from workloads import pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipelines import inputs
from workloads.serving.inference_service import version_service
from workloads.serving.inference_services import InferenceServices, version_of
from workloads.serving.model_rollouts import ModelRollouts
from workloads.serving.served_version import ServedVersion


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A registered version with an InferenceService that gets none of its model's requests."""

    model_name: str
    version: str
    digest: str
    """Digest of its files."""
    mlflow_run_id: str
    """MLflow run that trained it."""
    pipeline_run_id: str
    """Pipeline run that registered and deployed it."""

    @classmethod
    def of(cls, served: ServedVersion) -> Self:
        """Return the candidate that an InferenceService records."""
        return cls(
            model_name=served.model_name,
            version=served.model_version,
            digest=served.model_digest,
            mlflow_run_id=served.mlflow_run_id,
            pipeline_run_id=served.pipeline_run_id,
        )

    @property
    def service(self) -> str:
        """Name of its InferenceService."""
        return version_service(self.model_name, self.version)


def find_candidate(endpoints: Endpoints, model_name: str) -> Candidate:
    """Return the newest candidate of a model.

    Raises:
        WorkloadsError: the model has none.
    """
    # Those of rollouts are the controller's, such as the way back while a new version bakes.
    taken = ModelRollouts(endpoints).versions_of(model_name)
    services = InferenceServices(endpoints)
    taken |= services.weights(model_name).keys()
    deployed = [version_of(each) for each in services.versions_of(model_name)]
    waiting = [each for each in deployed if each.model_version not in taken]
    if not waiting:
        raise WorkloadsError(f"model {model_name}: has no candidate; run the pipeline with candidate = true")
    return Candidate.of(max(waiting, key=lambda each: int(each.model_version)))


def train_candidate(
    endpoints: Endpoints,
    dataset: Dataset,
    *,
    seed: int,
    regularization: float,
    timeout_seconds: float,
    family: str = "linear",
    objective: str = "",
    threshold: float | None = None,
) -> Candidate:
    """Train, register and deploy a version as a candidate.

    Args:
        endpoints: The platform.
        dataset: What to train on.
        seed: Selects the held-back rows, and whatever else the model draws.
        regularization: Inverse regularization strength.
        timeout_seconds: How long the pipeline run may take.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric that decides on registration; empty for accuracy, or R2 of a regression.
        threshold: Its least value that passes; of an error, its largest.

    Raises:
        WorkloadsError: no model can be trained or judged so, or the pipeline run did not succeed.
    """
    arguments = inputs.for_training(
        dataset,
        seed=seed,
        regularization=regularization,
        candidate=True,
        family=family,
        objective=objective,
        threshold=threshold,
    )
    run_id = pipeline_runs.submit(endpoints, "train_register_serve", arguments)
    run = pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=timeout_seconds)
    if run.state != pipeline_runs.SUCCEEDED:
        raise WorkloadsError(f"pipeline run {run_id}: {run.state}: {run.reason}")
    return find_candidate(endpoints, dataset.model_name)
