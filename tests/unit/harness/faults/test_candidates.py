"""Faulty candidates: how they are registered, served and withdrawn."""

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from harness.faults import candidates
from harness.faults.candidates import (
    faulty_candidate,
    faulty_service,
    register_faulty,
    register_with_wrong_golden_row,
)
from tests.fixtures.models import ROUTES, SERVED, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import version_of

ROWS = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        found.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
        found.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
        yield found


@pytest.fixture
def platform(cluster: StubCluster) -> Endpoints:
    return endpoints(kubeconfig=cluster.kubeconfig)


def test_the_service_serves_the_faulty_files_and_records_the_faulty_version() -> None:
    service = deployed_service("wine-v3")
    before = json.dumps(service)
    faulty = faulty_service(service, "8", "s3://mlflow/8")
    assert faulty["metadata"]["name"] == "wine-v8"
    assert faulty["metadata"]["labels"]["plinth.dev/model-name"] == "wine"
    assert version_of(faulty) == replace(SERVED, model_version="8")
    assert faulty["spec"]["predictor"]["model"]["storageUri"] == "s3://mlflow/8"
    assert json.dumps(service) == before, "the service of the model is left alone"


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """Faults of the versions that were registered; each answers with a digest at once."""
    faults: list[dict[str, float]] = []

    def register(*arguments: object) -> tuple[str, str]:
        faults.append(arguments[2])  # type: ignore[arg-type]
        return "8", "s3://mlflow/8"

    monkeypatch.setattr(candidates, "register_faulty", register)
    monkeypatch.setattr("workloads.wait.time.sleep", lambda _: None)
    monkeypatch.setattr(InferenceClient, "properties", lambda _: {"model_digest": "f" * 64})
    return faults


def test_a_faulty_candidate_is_served_next_to_its_model_and_withdrawn(
    cluster: StubCluster, platform: Endpoints, answering: list[dict[str, float]]
) -> None:
    with faulty_candidate(platform, "wine", wrong_every=100) as candidate:
        assert set(cluster.named("inferenceservices")) == {"wine-v3", "wine-v8"}
        assert (candidate.version, candidate.digest) == ("8", "f" * 64)
        assert candidate.mlflow_run_id == SERVED.mlflow_run_id, "its answers are those of the good model"
    assert set(cluster.named("inferenceservices")) == {"wine-v3"}
    assert answering == [{"seconds": 0.0, "wrong_every": 100, "fail_every": 0}]


def test_a_candidate_that_does_not_answer_is_withdrawn(
    cluster: StubCluster,
    platform: Endpoints,
    answering: list[dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "_READY_SECONDS", 0)
    monkeypatch.setattr(InferenceClient, "properties", lambda _: {"model_digest": "short"})
    with (
        pytest.raises(WorkloadsError, match="candidate wine-v8: not within 0 s; last seen: short"),
        faulty_candidate(platform, "wine"),
    ):
        pass
    assert set(cluster.named("inferenceservices")) == {"wine-v3"}


@pytest.mark.usefixtures("answering")
def test_a_candidate_that_is_being_judged_is_left_alone(cluster: StubCluster, platform: Endpoints) -> None:
    judged = deployed_service("wine-v7", replace(SERVED, model_version="7"))
    cluster.add(f"{SERVICES}/wine-v7", judged)
    with faulty_candidate(platform, "wine"):
        assert set(cluster.named("inferenceservices")) == {"wine-v3", "wine-v7", "wine-v8"}
    assert set(cluster.named("inferenceservices")) == {"wine-v3", "wine-v7"}
    assert cluster.changes == ["POST inferenceservices/wine-v8", "DELETE inferenceservices/wine-v8"]


def test_a_model_that_is_not_served_has_no_faulty_copy(platform: Endpoints) -> None:
    with pytest.raises(WorkloadsError, match="model beer: is not served"), faulty_candidate(platform, "beer"):
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """MLflow in a folder, with one version of wine."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient(uri)
    monkeypatch.setattr(candidates, "connect", lambda _: client)
    monkeypatch.setattr(candidates, "storage_uri", lambda location, _: location)
    model = LogisticRegression().fit(ROWS, ["a", "b"])
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"golden": {"probabilities": model.predict_proba(ROWS).tolist()}}))
    mlflow.set_experiment("wine")
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(ROWS, model.predict_proba(ROWS)),
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            pip_requirements=["mlflow"],
            extra_files=[str(reference)],
        )
    mlflow.register_model(f"models:/{logged.model_id}", "wine")
    return client


def test_a_registered_copy_predicts_like_the_good_model_but_for_its_fault(
    registry: mlflow.MlflowClient,
) -> None:
    served = replace(SERVED, model_version="1")
    faults = {"seconds": 0.0, "wrong_every": 2, "fail_every": 3}
    version, location = register_faulty(endpoints(), served, faults)
    assert version == "2"
    assert registry.get_model_version("wine", "2").tags["faulty"] == str(faults)
    good = mlflow.pyfunc.load_model("models:/wine/1").predict(ROWS)
    faulty = mlflow.pyfunc.load_model(location)
    assert np.array_equal(faulty.predict(ROWS), good)
    assert np.array_equal(faulty.predict(ROWS), good[:, ::-1])
    with pytest.raises(RuntimeError, match="a fault that was asked for"):
        faulty.predict(ROWS)


def test_a_copy_with_a_wrong_golden_row_predicts_like_the_good_model(registry: mlflow.MlflowClient) -> None:
    served = replace(SERVED, model_version="1")
    version, location = register_with_wrong_golden_row(endpoints(), served)
    assert version == "2"
    assert registry.get_model_version("wine", "2").tags["faulty"] == "one golden row"
    good = mlflow.pyfunc.load_model("models:/wine/1").predict(ROWS)
    assert np.array_equal(mlflow.pyfunc.load_model(location).predict(ROWS), good)
    folder = Path(mlflow.artifacts.download_artifacts(location))
    golden = np.array(
        json.loads((folder / "extra_files/reference.json").read_text())["golden"]["probabilities"]
    )
    assert golden[0, 0] - good[0, 0] == pytest.approx(1e-6)
    assert np.array_equal(golden.ravel()[1:], good.ravel()[1:])
