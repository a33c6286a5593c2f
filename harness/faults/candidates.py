"""Candidates with a fault, registered and served as the pipeline would: what a gate must refuse."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from kubernetes import client, config
from mlflow import artifacts

from delivery import promotion
from delivery.promotion import Candidate
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import storage_uri
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import candidate_name
from workloads.tracking import connect
from workloads.wait import wait

_READY_SECONDS = 240
_CODE = Path(__file__).with_name("faulty_model.py")


def _registered(endpoints: Endpoints, served: dict[str, str], faults: dict[str, float]) -> tuple[str, str]:
    """Register a spoiled copy of the served version; return its version and where its files lie."""
    tracking = connect(endpoints)
    name = served["model-name"]
    good = tracking.get_model_version_download_uri(name, served["model-version"])
    with TemporaryDirectory() as folder:
        copy = artifacts.download_artifacts(good, dst_path=folder)
        info = mlflow.models.get_model_info(copy)
        mlflow.set_experiment(name)
        # MLflow has something to say of every way to annotate a model's predict.
        with mlflow.start_run(run_name="faulty"), warnings.catch_warnings(action="ignore"):
            made: Any = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(_CODE),
                artifacts={"good": copy},
                model_config=faults,
                signature=info.signature,
                metadata=info.metadata,
                pip_requirements=["mlflow"],
            )
    version = mlflow.register_model(f"models:/{made.model_id}", name, tags={"faulty": str(faults)})
    location = tracking.get_model_version_download_uri(name, version.version)
    return str(version.version), storage_uri(location, endpoints.artifacts_destination)


@contextmanager
def faulty_candidate(
    endpoints: Endpoints, model_name: str, *, seconds: float = 0.0, wrong_every: int = 0
) -> Generator[Candidate]:
    """Serve a spoiled copy of a model beside it, and take it away."""
    service = lineage.inference_service(endpoints, model_name)
    if service is None:
        raise WorkloadsError(f"model {model_name}: is not served; run `make demo` first")
    said = lineage.annotations_of(service)
    version, uri = _registered(endpoints, said, {"seconds": seconds, "wrong_every": wrong_every})
    body = promotion.as_model(service, candidate_name(model_name))
    body["metadata"]["annotations"] |= {"plinth.dev/model-version": version}
    body["spec"]["predictor"]["model"]["storageUri"] = uri
    api: Any = client.CustomObjectsApi(config.new_client_from_config(endpoints.kubeconfig))
    api.create_namespaced_custom_object(
        "serving.kserve.io", "v1beta1", endpoints.models_namespace, "inferenceservices", body
    )
    candidate = Candidate(
        model_name=model_name,
        version=version,
        digest="",
        # Its answers are compared with those of the good model at training time.
        mlflow_run_id=said["mlflow-run-id"],
        pipeline_run_id=said["pipeline-run-id"],
    )
    try:
        asked = InferenceClient(endpoints, candidate.service, timeout_seconds=10)

        def digest() -> str:
            try:
                return asked.properties()["model_digest"]
            except WorkloadsError as error:
                return str(error)

        found = wait(
            f"candidate {candidate.service}",
            digest,
            ready=lambda text: len(text) == 64,
            timeout_seconds=_READY_SECONDS,
            successes=5,
        )
        yield Candidate(**{**candidate.__dict__, "digest": found})
    finally:
        promotion.withdraw(endpoints, candidate)
