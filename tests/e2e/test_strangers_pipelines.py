"""Ordinary pipelines of an unmodified kfp client run; one that cannot go on says why in five minutes."""

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest
from kubernetes import client

from components.pipelines.pipeline_steps import ACCOUNT, POD_LABELS
from tests.e2e import strangers_pipelines
from tests.e2e.strangers_pipelines import NO_PACKAGE, NO_SECRET, PACKAGE, Stranger
from tests.fixtures.admission_cases import RESTRICTED
from workloads import cluster_client, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.wait import wait

_PIPELINES: Mapping[str, Callable[..., Any]] = {
    "image": strangers_pipelines.no_image,
    "stock": strangers_pipelines.stock,
    "package": strangers_pipelines.package,
    "no package": strangers_pipelines.no_package,
    "volume": strangers_pipelines.volume,
    "loops": strangers_pipelines.loops,
    "branches": strangers_pipelines.branches,
    "retries": strangers_pipelines.retries,
    "nan": strangers_pipelines.nan_metric,
    "memory": strangers_pipelines.out_of_memory,
    "no limit": strangers_pipelines.no_limit,
    "processes": strangers_pipelines.fork_bomb,
    "secret": strangers_pipelines.no_secret,
    "storage": strangers_pipelines.no_storage,
}

# 128 MiB, then a while in which the kubelet measures: it does so every ten seconds.
_FILL = """
import os, time
with open("/scratch/file", "wb") as file:
    for _ in range(128):
        file.write(os.urandom(1 << 20))
time.sleep(170)
"""

# Retrains nothing, but each run takes minutes: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stranger(endpoints: Endpoints) -> Stranger:
    return Stranger(endpoints=endpoints)


@pytest.fixture(scope="module")
def started(stranger: Stranger) -> Mapping[str, str]:
    """Runs of all pipelines, submitted together: each mostly waits."""
    return {name: stranger.start(pipeline) for name, pipeline in _PIPELINES.items()}


@pytest.fixture
def waiting_for_a_gpu(stranger: Stranger) -> Generator[str]:
    run_id = stranger.start(strangers_pipelines.gpu)
    yield run_id
    stranger.client.terminate_run(run_id)


@pytest.fixture
def waiting_for_quota(endpoints: Endpoints, stranger: Stranger) -> Generator[str]:
    """A run in a namespace that may have no GPU; pods that ask for none are not counted."""
    core = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    namespace, quota = endpoints.pipelines_namespace, "no-gpus"
    body = {"metadata": {"name": quota}, "spec": {"hard": {"requests.nvidia.com/gpu": "0"}}}
    core.create_namespaced_resource_quota(namespace, body)
    try:
        run_id = stranger.start(strangers_pipelines.gpu)
        yield run_id
        stranger.client.terminate_run(run_id)
    finally:
        core.delete_namespaced_resource_quota(quota, namespace)


@pytest.mark.parametrize("name", ["stock", "volume", "loops", "branches", "retries"])
def test_an_ordinary_pipeline_runs(stranger: Stranger, started: Mapping[str, str], name: str) -> None:
    run = stranger.ended(started[name])
    assert run.state == "SUCCEEDED", run.error


def test_a_package_is_installed_or_named_as_the_reason(
    stranger: Stranger, started: Mapping[str, str]
) -> None:
    run = stranger.ended(started["package"])
    # A machine that reaches no index cannot have it.
    assert run.state == "SUCCEEDED" or PACKAGE in run.error.message


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("image", "no-such-image"),
        ("no package", NO_PACKAGE),
        ("nan", "NaN"),
        ("memory", "OOMKilled"),
        ("no limit", "OOMKilled"),
        ("processes", "Resource temporarily unavailable"),
        ("secret", NO_SECRET),
    ],
)
def test_a_run_that_cannot_go_on_says_so_everywhere(
    stranger: Stranger, started: Mapping[str, str], endpoints: Endpoints, name: str, cause: str
) -> None:
    run = stranger.ended(started[name])
    assert run.state == "FAILED"
    assert cause in run.error.message
    assert any(task.error and cause in task.error.message for task in run.run_details.task_details)
    ended = pipeline_runs.wait_until_finished(endpoints, started[name], timeout_seconds=30)
    assert cause in ended.reason
    assert "\n" not in ended.reason


def test_a_step_that_fills_its_disk_ends_and_nothing_else_does(endpoints: Endpoints) -> None:
    """The limit is small, and the file twice as large: a file of 100 GB meets the default one likewise."""
    core: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    before = _restarts(core)
    pod = {
        "metadata": {"generateName": "full-disk-", "labels": {**POD_LABELS}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "containers": [
                {
                    "name": "step",
                    "image": endpoints.workload_image,
                    "command": ["python3", "-c", _FILL],
                    "resources": {"limits": {"ephemeral-storage": "64Mi"}},
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                }
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }
    namespace = endpoints.pipelines_namespace
    name: str = core.create_namespaced_pod(namespace, pod).metadata.name
    try:
        status = wait(
            "the end of the step",
            lambda: core.read_namespaced_pod_status(name, namespace).status,
            ready=lambda each: each.phase == "Failed",
            describe=lambda each: each.phase,
            timeout_seconds=180,
        )
    finally:
        core.delete_namespaced_pod(name, namespace)
    assert status.reason == "Evicted"
    assert re.search(r"ephemeral.*64Mi", status.message), status.message
    for node in core.list_node().items:
        states = {each.type: each.status for each in node.status.conditions}
        assert (states["Ready"], states["DiskPressure"]) == ("True", "False")
    after = _restarts(core)
    assert {each: after[each] for each in before.keys() & after.keys() if after[each] != before[each]} == {}


def _restarts(core: Any) -> dict[tuple[str, str], int]:
    """Return how often each container of the platform has started again, by its pod."""
    return {
        (pod.metadata.uid, each.name): each.restart_count
        for pod in core.list_pod_for_all_namespaces().items
        for each in pod.status.container_statuses or ()
    }


def test_a_volume_that_is_refused_is_named(
    stranger: Stranger, started: Mapping[str, str], endpoints: Endpoints
) -> None:
    try:
        run = stranger.says(started["storage"], timeout_seconds=300)
        assert run.state in {"PENDING", "RUNNING"}
        assert "PersistentVolumeClaim" in run.error.message
    finally:
        stranger.client.terminate_run(started["storage"])


def test_a_step_over_quota_says_so(stranger: Stranger, waiting_for_quota: str) -> None:
    run = stranger.says(waiting_for_quota, timeout_seconds=300)
    assert run.state in {"PENDING", "RUNNING"}
    assert "exceeded quota: no-gpus" in run.error.message


def test_a_step_that_waits_for_a_gpu_says_so(stranger: Stranger, waiting_for_a_gpu: str) -> None:
    run = stranger.says(waiting_for_a_gpu, timeout_seconds=300)
    assert run.state in {"PENDING", "RUNNING"}
    assert "nvidia.com/gpu" in run.error.message
