"""What a step asks the API for after it has proven a version, and how it ends."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client, config

from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import Phase
from workloads.steps import rolling_out
from workloads.steps.rolling_out import delete_version, roll_out

ROLLOUTS = "/apis/delivery.plinth.dev/v1alpha1/namespaces/models/modelrollouts"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices"
NAME = "wine-v7-5a1c0e2b"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        monkeypatch.setenv("KFP_RUN_ID", "5a1c0e2b-0000-4000-8000-000000000000")
        monkeypatch.setattr(config, "load_kube_config", lambda: _LOAD(config_file=str(found.kubeconfig)))
        yield found


_LOAD = config.load_kube_config


def becomes(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch, *statuses: dict[str, Any]) -> list[float]:
    """Let each look at the rollout find the next status, the last one again and again; return the pauses."""
    left, pauses = list(statuses), list[float]()

    def next_status(path: str) -> None:
        cluster.objects[path]["status"] = left.pop(0) if len(left) > 1 else left[0]

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        next_status(f"{ROLLOUTS}/{NAME}")

    cluster.on_create = lambda path, _: next_status(path)
    # The step's own clock: the client of the API has one too.
    clock = SimpleNamespace(sleep=pause, monotonic=lambda: 100.0 * len(pauses))
    monkeypatch.setattr(rolling_out, "time", clock)
    return pauses


def status(phase: Phase, reason: str = "") -> dict[str, Any]:
    return {"phase": phase.value, "reason": reason}


def test_the_rollout_names_version_digest_and_run_and_leaves_steps_to_the_stack(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(cluster, monkeypatch, status(Phase.BAKING))
    assert roll_out("models", "wine", "7", "d7") is Phase.BAKING
    created = cluster.objects[f"{ROLLOUTS}/{NAME}"]
    assert created["spec"] == {
        "modelName": "wine",
        "version": "7",
        "digest": "d7",
        "reason": "pipeline run 5a1c0e2b-0000-4000-8000-000000000000",
    }
    assert (created["apiVersion"], created["kind"]) == ("delivery.plinth.dev/v1alpha1", "ModelRollout")
    assert created["metadata"] == {
        "name": NAME,
        "namespace": "models",
        "labels": {"plinth.dev/model-name": "wine"},
    }
    assert NAME.startswith(version_service("wine", "7"))
    assert cluster.changes == [f"POST modelrollouts/{NAME}"]


def test_what_labels_have_judged_replays_nothing(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(cluster, monkeypatch, status(Phase.BAKING))
    roll_out("models", "wine", "7", "d7", replay=False)
    assert cluster.objects[f"{ROLLOUTS}/{NAME}"]["spec"]["shadowRows"] == 0


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED, Phase.BAKING, Phase.PROMOTED])
def test_the_step_waits_while_the_rollout_is_pending_and_no_longer(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    pauses = becomes(cluster, monkeypatch, {}, status(Phase.PENDING, "version 7 is starting"), status(phase))
    assert roll_out("models", "wine", "7", "d7") is phase
    assert pauses == [0.2, 0.2]


def test_a_rollout_that_is_rolled_back_fails_the_step_with_the_controllers_reason(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "version 7 answers with digest d0, not d7"
    becomes(cluster, monkeypatch, {}, status(Phase.ROLLED_BACK, reason))
    with pytest.raises(RuntimeError) as failed:
        roll_out("models", "wine", "7", "d7")
    assert str(failed.value) == f"model wine: version 7 is not served: {reason}"


def test_a_step_that_is_tried_again_asks_for_the_same_rollout(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(cluster, monkeypatch, status(Phase.PROMOTED))
    roll_out("models", "wine", "7", "d7")
    assert roll_out("models", "wine", "7", "d7") is Phase.PROMOTED
    assert list(cluster.named("modelrollouts")) == [NAME]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "the delivery controller has not seen it yet"),
        (status(Phase.PENDING, "waits for rollout wine-v6-1"), "waits for rollout wine-v6-1"),
    ],
)
def test_a_rollout_that_is_not_decided_in_time_is_named_with_what_it_waits_for(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], reason: str
) -> None:
    pauses = becomes(cluster, monkeypatch, found)
    with pytest.raises(TimeoutError) as failed:
        roll_out("models", "wine", "7", "d7")
    assert str(failed.value) == f"model wine: version 7 is not rolled out after 180 s: {reason}"
    assert pauses == [0.2, 0.2]


def test_a_refused_rollout_fails_the_step(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "answer", lambda *_: (403, {"kind": "Status", "code": 403}))
    with pytest.raises(client.ApiException, match="403"):
        roll_out("models", "wine", "7", "d7")


def test_the_service_of_one_version_is_deleted_and_may_be_gone(cluster: StubCluster) -> None:
    for name in ("wine-v6", "wine-v7"):
        cluster.add(f"{SERVICES}/{name}", {"metadata": {"name": name}})
    delete_version("models", "wine", "7")
    delete_version("models", "wine", "7")
    assert list(cluster.named("inferenceservices")) == ["wine-v6"]
    assert cluster.changes == ["DELETE inferenceservices/wine-v7"]


def test_a_service_that_may_not_be_deleted_is_said(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "answer", lambda *_: (403, {"kind": "Status", "code": 403}))
    with pytest.raises(client.ApiException, match="403"):
        delete_version("models", "wine", "7")


@pytest.mark.parametrize(("variables", "loaded"), [({}, "pod"), ({"KUBECONFIG": "/a/file"}, "file")])
def test_on_a_laptop_a_kubeconfig_stands_for_the_account_of_a_pod(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], loaded: str
) -> None:
    asked: list[str] = []
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(config, "load_incluster_config", lambda: asked.append("pod"))
    monkeypatch.setattr(config, "load_kube_config", lambda: asked.append("file"))
    monkeypatch.setenv("KFP_RUN_ID", "5a1c0e2b-0000-4000-8000-000000000000")

    def missing(*_: Any) -> Any:
        raise client.ApiException(status=404)

    monkeypatch.setattr(client.CustomObjectsApi, "get_namespaced_custom_object", missing)
    monkeypatch.setattr(client.CustomObjectsApi, "delete_namespaced_custom_object", lambda *_: None)
    delete_version("models", "wine", "7")
    assert asked == [loaded]


def test_a_step_that_is_tried_again_leaves_a_version_in_its_rollout_to_the_controller(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(cluster, monkeypatch, status(Phase.BAKING))
    cluster.add(f"{SERVICES}/wine-v7", {"metadata": {"name": "wine-v7"}})
    roll_out("models", "wine", "7", "d7")
    delete_version("models", "wine", "7")
    assert f"{SERVICES}/wine-v7" in cluster.objects
