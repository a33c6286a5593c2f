"""A registered version that gets a pod of its own."""

import os
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from tests.fixtures.models import SERVED, SERVICES, deployed_service
from tests.fixtures.platforms import OUTPUTS, endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.contract import StepVariable
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving import deployment
from workloads.serving.deployment import deploy_version, registered_version

CONFIG = "/api/v1/namespaces/runs/configmaps/plinth-endpoints"
TAGS = {"model.digest": "d1", "data.sha256": "s1", "kfp.pipeline_run_id": "p2"}


class Registry:
    """Knows version 3 of wine."""

    def __init__(self) -> None:
        self.tags = dict(TAGS)

    def get_model_version(self, name: str, version: str) -> Any:
        if (name, version) != ("wine", "3"):
            raise MlflowException("RESOURCE_DOES_NOT_EXIST: no such version\nat line 7")
        return SimpleNamespace(version=3, run_id="r1", tags=self.tags)

    def get_model_version_download_uri(self, *_: str) -> str:
        return "mlflow-artifacts:/1/models/m-1/artifacts"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(deployment, "connect", lambda _: found)
    monkeypatch.setattr(deployment, "chosen_runtime", lambda name, version: f"runtime-of-{name}-{version}")
    # What the code adds to it is gone after the test.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ.pop(StepVariable.MODELS_SERVICE_ACCOUNT, None)
    return found


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        found.add(CONFIG, {"data": {StepVariable.MODELS_SERVICE_ACCOUNT: "model-storage"}})
        yield found


@pytest.fixture
def platform(cluster: StubCluster) -> Endpoints:
    return endpoints(kubeconfig=cluster.kubeconfig)


@pytest.mark.usefixtures("registry")
def test_the_record_of_a_version_is_that_of_the_registry() -> None:
    assert registered_version(endpoints(), "wine", "3") == SERVED


@pytest.mark.usefixtures("registry")
def test_a_version_that_is_not_registered_is_one_line() -> None:
    with pytest.raises(WorkloadsError) as refused:
        registered_version(endpoints(), "wine", "4")
    assert str(refused.value) == (
        "model wine: version 4 is not registered (RESOURCE_DOES_NOT_EXIST: no such version)"
    )


@pytest.mark.parametrize("missing", [["model.digest"], ["data.sha256", "kfp.pipeline_run_id"]])
def test_a_version_of_somebody_else_is_refused_with_what_it_lacks(
    registry: Registry, missing: list[str]
) -> None:
    for key in missing:
        del registry.tags[key]
    with pytest.raises(WorkloadsError) as refused:
        registered_version(endpoints(), "wine", "3")
    assert str(refused.value) == (
        f"model wine: version 3 has no tag {', '.join(missing)}: "
        "no pipeline of the platform has registered it"
    )


@pytest.mark.usefixtures("registry")
def test_a_version_is_deployed_as_its_pipeline_would(cluster: StubCluster, platform: Endpoints) -> None:
    assert deploy_version(platform, "wine", "3") == SERVED
    assert cluster.changes == ["POST inferenceservices/wine-v3"]
    made = cluster.named("inferenceservices")["wine-v3"]
    assert made["metadata"]["labels"]["plinth.dev/model-name"] == "wine"
    assert made["metadata"]["labels"]["app.kubernetes.io/instance"] == "wine-v3"
    assert made["metadata"]["annotations"].items() >= SERVED.to_annotations().items()
    predictor = made["spec"]["predictor"]
    assert predictor["serviceAccountName"] == "model-storage"
    assert predictor["model"]["runtime"] == "runtime-of-wine-3"
    assert predictor["model"]["storageUri"] == "s3://mlflow/1/models/m-1/artifacts"


@pytest.mark.usefixtures("registry")
def test_a_version_that_runs_is_left_alone(cluster: StubCluster, platform: Endpoints) -> None:
    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3", ready=False))
    assert deploy_version(platform, "wine", "3") == SERVED
    assert cluster.changes == []


@pytest.mark.usefixtures("registry")
def test_a_platform_that_is_not_up_is_one_line(cluster: StubCluster, platform: Endpoints) -> None:
    del cluster.objects[CONFIG]
    with pytest.raises(WorkloadsError) as refused:
        deploy_version(platform, "wine", "3")
    assert str(refused.value) == "config map plinth-endpoints in runs: HTTP 404; is the platform up?"
    assert cluster.changes == []


@pytest.mark.usefixtures("registry")
def test_a_process_of_a_laptop_has_what_steps_have(cluster: StubCluster) -> None:
    del cluster.objects[CONFIG]
    laptop = Endpoints(
        **{**OUTPUTS, "kubeconfig": str(cluster.kubeconfig), "local_model_url": "http://127.0.0.1:1"}
    )
    with pytest.raises(WorkloadsError) as refused:
        deploy_version(laptop, "wine", "3")
    assert str(refused.value) == (
        "this is no process of the laptop's platform; a pipeline run there deploys versions"
    )
    os.environ[StepVariable.MODELS_SERVICE_ACCOUNT] = "models"
    assert deploy_version(laptop, "wine", "3") == SERVED
    made = cluster.named("inferenceservices")["wine-v3"]
    assert made["spec"]["predictor"]["serviceAccountName"] == "models"
