"""Candidates: registered model versions that are served under a name of their own until they are judged."""

from dataclasses import dataclass
from typing import Self

from workloads import pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipelines import inputs
from workloads.serving.inference_service import candidate_name
from workloads.serving.inference_services import InferenceServices
from workloads.serving.served_version import ServedVersion


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A registered version with an InferenceService next to that of its model."""

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
        return candidate_name(self.model_name)


def find_candidate(endpoints: Endpoints, model_name: str) -> Candidate:
    """Return the candidate of a model.

    Raises:
        WorkloadsError: the model has none.
    """
    served = InferenceServices(endpoints).served_version(candidate_name(model_name))
    if served is None:
        raise WorkloadsError(f"model {model_name}: has no candidate; run the pipeline with candidate = true")
    return Candidate.of(served)


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
