"""What the deploy step sends to KServe, and which answers end its wait."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client, config, watch

from workloads.errors import WorkloadsError
from workloads.serving.inference_service import template, version_service
from workloads.serving.served_version import ServedVersion, annotation
from workloads.steps import deploy

DEPLOY: Any = deploy.deploy


def pod(
    run_id: str,
    *,
    ready: bool = False,
    exit_code: int = 0,
    message: str = "no such key\nNoSuchKey: models/m-1",
    reason: str = "Error",
    waiting: str = "",
) -> dict[str, Any]:
    ended = SimpleNamespace(exit_code=exit_code, message=message, reason=reason)
    pulling = SimpleNamespace(reason=waiting, message="no such image: x") if waiting else None
    state = SimpleNamespace(terminated=ended if exit_code else None, waiting=pulling)
    status = SimpleNamespace(
        conditions=[SimpleNamespace(type="Ready", status=str(ready))],
        init_container_statuses=[
            SimpleNamespace(
                name="storage-initializer", state=state, last_state=SimpleNamespace(terminated=None)
            )
        ],
        container_statuses=None,
    )
    metadata = SimpleNamespace(annotations={"plinth.dev/pipeline-run-id": run_id})
    return {"object": SimpleNamespace(metadata=metadata, status=status)}


class Cluster:
    """Records the calls of the step, and returns the pods that a test gave it."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.exists = False
        self.refuses: dict[str, int] = {}
        self.applied: dict[str, Any] = {}
        self.verbs: list[str] = []

    def patch(self, *_: Any, name: str, body: dict[str, Any], **__: Any) -> None:
        self._note("patch", name)
        self.applied = body

    def create(self, *_: Any, body: dict[str, Any], **__: Any) -> None:
        self._note("create", body["metadata"]["name"])
        if self.exists:
            raise client.ApiException(status=409)
        self.applied = body

    def delete(self, *_: Any, name: str, **__: Any) -> None:
        self._note("delete", name)

    def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "PredictorReady", "message": "quota exceeded"}]}}

    def _note(self, verb: str, name: str) -> None:
        self.verbs.append(f"{verb} {name}")
        if verb in self.refuses:
            raise client.ApiException(status=self.refuses[verb])


@pytest.fixture
def cluster(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(config, "load_incluster_config", lambda: None)
    monkeypatch.setattr(client.CustomObjectsApi, "patch_namespaced_custom_object", found.patch)
    monkeypatch.setattr(client.CustomObjectsApi, "create_namespaced_custom_object", found.create)
    monkeypatch.setattr(client.CustomObjectsApi, "delete_namespaced_custom_object", found.delete)
    monkeypatch.setattr(client.CustomObjectsApi, "get_namespaced_custom_object", found.get)
    monkeypatch.setattr(deploy, "chosen_runtime", lambda name, version: f"runtime-of-{name}-{version}")
    monkeypatch.setattr(watch.Watch, "stream", lambda *_, **__: iter(found.pods))
    return found


def deployed() -> None:
    DEPLOY.python_func(
        inference_service=template(),
        model_name="wine",
        model_version="7",
        model_digest="d1",
        storage_uri="s3://mlflow/1/models/m-1/artifacts",
        mlflow_run_id="r1",
        data_sha256="s1",
    )


def test_the_service_records_where_its_model_comes_from(cluster: Cluster) -> None:
    cluster.pods = [pod("run-0", ready=True), pod("run-1"), pod("run-1", ready=True)]
    deployed()
    metadata, predictor = cluster.applied["metadata"], cluster.applied["spec"]["predictor"]
    # A step cannot import the rule, so its own copy is compared with it here.
    assert metadata["name"] == version_service("wine", "7") == "wine-v7"
    assert metadata["namespace"] == "models"
    assert metadata["labels"] == {
        **template()["metadata"]["labels"],
        "app.kubernetes.io/instance": "wine-v7",
        "plinth.dev/model-name": "wine",
    }
    assert metadata["annotations"] == {
        "serving.kserve.io/autoscalerClass": "none",
        "plinth.dev/model-name": "wine",
        "plinth.dev/model-version": "7",
        "plinth.dev/model-digest": "d1",
        "plinth.dev/mlflow-run-id": "r1",
        "plinth.dev/data-sha256": "s1",
        "plinth.dev/pipeline-run-id": "run-1",
    }
    # A step cannot import the record, so its own copy of the names is compared with it here.
    assert ServedVersion.from_annotations(metadata["annotations"]) == ServedVersion(
        model_name="wine",
        model_version="7",
        model_digest="d1",
        mlflow_run_id="r1",
        data_sha256="s1",
        pipeline_run_id="run-1",
    )
    assert predictor["annotations"] == {annotation("pipeline_run_id"): "run-1"}
    assert predictor["model"]["storageUri"] == "s3://mlflow/1/models/m-1/artifacts"
    assert predictor["model"]["runtime"] == "runtime-of-wine-7"
    assert predictor["serviceAccountName"] == "model-storage"
    assert cluster.verbs == ["create wine-v7"]


def test_a_step_that_is_tried_again_finds_its_service(cluster: Cluster) -> None:
    cluster.exists = True
    cluster.pods = [pod("run-1", ready=True)]
    deployed()
    assert cluster.verbs == ["create wine-v7", "patch wine-v7"]


def test_a_service_that_is_refused_is_neither_patched_nor_deleted(cluster: Cluster) -> None:
    cluster.refuses = {"create": 403}
    with pytest.raises(client.ApiException, match="403"):
        deployed()
    assert cluster.verbs == ["create wine-v7"]


def test_a_version_that_cannot_load_its_model_is_deleted_and_the_step_fails_with_its_error(
    cluster: Cluster,
) -> None:
    cluster.pods = [pod("run-0", exit_code=1), pod("run-1", exit_code=1)]
    with pytest.raises(RuntimeError) as failed:
        deployed()
    assert str(failed.value) == (
        "inference service wine-v7: storage-initializer ended with 1: NoSuchKey: models/m-1"
    )
    assert cluster.verbs == ["create wine-v7", "delete wine-v7"]


def test_the_cause_is_not_hidden_by_a_service_that_somebody_else_has_deleted(cluster: Cluster) -> None:
    cluster.refuses = {"delete": 404}
    cluster.pods = [pod("run-1", exit_code=1)]
    with pytest.raises(RuntimeError, match=r"ended with 1: NoSuchKey: models/m-1$"):
        deployed()
    assert cluster.verbs == ["create wine-v7", "delete wine-v7"]


def test_a_model_without_a_runtime_is_refused_before_anything_changes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: str) -> str:
        raise WorkloadsError("model wine: needs torch, which no serving runtime has")

    monkeypatch.setattr(deploy, "chosen_runtime", refuses)
    with pytest.raises(WorkloadsError, match="needs torch"):
        deployed()
    assert cluster.verbs == []


def test_without_a_ready_pod_the_error_has_the_conditions_of_kserve(cluster: Cluster) -> None:
    cluster.pods = [pod("run-0", ready=True)]
    with pytest.raises(TimeoutError) as failed:
        deployed()
    assert str(failed.value) == (
        "inference service wine-v7: no pod ready within 300 s: PredictorReady: quota exceeded"
    )
    assert cluster.verbs == ["create wine-v7", "delete wine-v7"]


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        ({"exit_code": 1, "message": "", "reason": "Error"}, "ended with 1: Error"),
        (
            {"exit_code": 137, "message": "last log line", "reason": "OOMKilled"},
            "ended with 137: out of memory",
        ),
        ({"waiting": "ImagePullBackOff"}, "cannot start: ImagePullBackOff: no such image: x"),
    ],
)
def test_a_pod_that_cannot_run_ends_the_wait_with_the_cause(
    cluster: Cluster, ending: dict[str, Any], line: str
) -> None:
    cluster.pods = [pod("run-1", **ending)]
    with pytest.raises(RuntimeError, match=line):
        deployed()
    assert cluster.verbs == ["create wine-v7", "delete wine-v7"]
