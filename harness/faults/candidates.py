"""Faulty candidates, registered and served as the pipeline does it: the gate must reject them."""

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow import artifacts

from delivery import promotion
from delivery.candidate import Candidate
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import storage_uri
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import copy_under_name, version_service
from workloads.serving.inference_services import InferenceServices, version_of
from workloads.serving.served_version import ServedVersion
from workloads.steps.reference import REFERENCE_FILE
from workloads.tracking import connect
from workloads.wait import wait

_READY_SECONDS = 240
_TRIFLE = 1e-6
_CODE = Path(__file__).with_name("faulty_model.py")


def register_faulty(endpoints: Endpoints, served: ServedVersion, faults: dict[str, float]) -> tuple[str, str]:
    """Register a faulty copy of the served version; return its version and the location of its files."""
    tracking = connect(endpoints)
    good = tracking.get_model_version_download_uri(served.model_name, served.model_version)
    with TemporaryDirectory() as folder:
        copy = artifacts.download_artifacts(good, dst_path=folder)
        info = mlflow.models.get_model_info(copy)
        mlflow.set_experiment(served.model_name)
        # MLflow warns about every way to annotate a model's predict.
        with mlflow.start_run(run_name="faulty"), warnings.catch_warnings(action="ignore"):
            logged: Any = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(_CODE),
                artifacts={"good": copy},
                model_config=faults,
                signature=info.signature,
                metadata=info.metadata,
                pip_requirements=["mlflow"],
            )
    tags = {"faulty": str(faults)}
    version = mlflow.register_model(f"models:/{logged.model_id}", served.model_name, tags=tags)
    location = tracking.get_model_version_download_uri(served.model_name, version.version)
    return str(version.version), storage_uri(location, endpoints.artifacts_destination)


def register_with_wrong_golden_row(endpoints: Endpoints, served: ServedVersion) -> tuple[str, str]:
    """Register a copy of the served version that claims to have answered one golden row a trifle otherwise.

    Returns:
        Its version and the location of its files.
    """
    tracking = connect(endpoints)
    good = tracking.get_model_version_download_uri(served.model_name, served.model_version)
    with TemporaryDirectory() as folder:
        copy = Path(artifacts.download_artifacts(good, dst_path=folder))
        file = copy / "extra_files" / REFERENCE_FILE
        reference = json.loads(file.read_text())
        reference["golden"]["probabilities"][0][0] += _TRIFLE
        file.write_text(json.dumps(reference))
        experiment = mlflow.set_experiment(served.model_name)
        logged = tracking.create_logged_model(experiment.experiment_id, name="model")
        tracking.log_model_artifacts(logged.model_id, str(copy))
        tracking.finalize_logged_model(logged.model_id, "READY")
    version = mlflow.register_model(
        f"models:/{logged.model_id}", served.model_name, tags={"faulty": "one golden row"}
    )
    location = tracking.get_model_version_download_uri(served.model_name, version.version)
    return str(version.version), storage_uri(location, endpoints.artifacts_destination)


def faulty_service(service: dict[str, Any], version: str, uri: str) -> dict[str, Any]:
    """Return the InferenceService of a faulty candidate, from that of its model."""
    served = version_of(service)
    name = version_service(served.model_name, version)
    body = copy_under_name(service, name, replace(served, model_version=version))
    predictor = body["spec"]["predictor"]
    body["spec"] = {
        **body["spec"],
        "predictor": {**predictor, "model": {**predictor["model"], "storageUri": uri}},
    }
    return body


@contextmanager
def faulty_candidate(
    endpoints: Endpoints,
    model_name: str,
    *,
    seconds: float = 0.0,
    wrong_every: int = 0,
    fail_every: int = 0,
    wrong_golden_row: bool = False,
) -> Generator[Candidate]:
    """Serve a faulty copy of a model as its candidate, and withdraw it afterwards.

    Args:
        endpoints: The platform.
        model_name: The model.
        seconds: Added to every prediction.
        wrong_every: Every so many predictions are wrong; none if 0.
        fail_every: Every so many predictions fail; none if 0.
        wrong_golden_row: Instead of all these, it predicts well, but not as its own golden rows have it.
    """
    services = InferenceServices(endpoints)
    service = services.of_model(model_name)
    if service is None:
        raise WorkloadsError(f"model {model_name}: is not served; run `make demo` first")
    served = version_of(service)
    faults: dict[str, float] = {"seconds": seconds, "wrong_every": wrong_every, "fail_every": fail_every}
    version, uri = (
        register_with_wrong_golden_row(endpoints, served)
        if wrong_golden_row
        else register_faulty(endpoints, served, faults)
    )
    services.create_or_patch(faulty_service(service, version, uri))
    # Its answers are compared with those of the good model at training time.
    candidate = replace(Candidate.of(served), version=version)
    try:
        predictor = InferenceClient(endpoints, model_name, service=candidate.service, timeout_seconds=10)

        def served_digest() -> str:
            try:
                return predictor.properties()["model_digest"]
            except WorkloadsError as error:
                return str(error)

        digest = wait(
            f"candidate {candidate.service}",
            served_digest,
            ready=lambda text: len(text) == 64,
            timeout_seconds=_READY_SECONDS,
            successes=5,
        )
        yield replace(candidate, digest=digest)
    finally:
        promotion.withdraw(endpoints, candidate)
