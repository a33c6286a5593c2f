"""GPU scheduling on a native cluster: Kueue and NVIDIA's plugin as pods.

This machine has no GPU: pods that ask for one stay pending, and the plugin says that it finds no driver.
"""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.addons import addons, storage
from cluster.instance import Instance
from cluster.programs import binaries
from components import images
from components.gpus import gpu_admission
from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL, TOLERATION
from components.monitoring.timing import REHEARSAL
from components.queues import monitoring
from components.queues.team_quotas import LOCAL_QUEUE
from infra.engine import events
from infra.engine.engine import Engine
from simulation.program_engine import ProgramEngine
from workloads.wait import wait_for

pytestmark = pytest.mark.slow
_NAME = "gpus"
_IMAGES = ("kueue-controller", "nvidia-device-plugin")
# Compiled here where no run before did.
_BUILD_SECONDS = 40 * 60
_UP_SECONDS = 300
_POD_SECONDS = 120
# A pool, a team that may have half of it, and the platform's own component.
PROGRAM = """
from components import images
from components.gpus.gpu_pools import GpuPool
from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
from components.queues import local_queue
from components.queues.kueue_queues import KueueQueues, KueueQueuesArgs
from components.queues.team_quotas import QueuedTeam
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.shapes.server_certificate import ServerCertificate
from components.teams.team_profile import TeamProfile, TeamProfileArgs
from infra import assembly
from infra.parts.queues import QUEUES
from infra.settings import reader

KEYS = ("queueWebhookAuthority", "queueWebhookCertificate", "queueWebhookKey")
kept = assembly.keep_secrets(QUEUES.secrets, reader.secrets(KEYS))
authority, certificate, key = (kept[name] for name in KEYS)
pools = [GpuPool(name="a10g", devices_per_node=4, max_nodes=1)]
scheduling = GpuScheduling(
    "gpu-scheduling",
    GpuSchedulingArgs(device_plugin_image=images.reference("nvidia-device-plugin"), pools=pools),
)
queues = KueueQueues(
    "queues",
    KueueQueuesArgs(
        namespace=PlatformNamespace("kueue", PlatformNamespaceArgs(namespace="kueue")).namespace,
        controller_image=images.reference("kueue-controller"),
        pools=pools,
        teams=[QueuedTeam(name="vision", quota={"a10g": 2}, borrowing=False)],
        webhook_certificate=ServerCertificate(authority=authority, certificate=certificate, key=key),
        after=scheduling.policies,
    ),
)
queue = queues.cluster_queues["vision"]
profile = TeamProfile("team-vision", TeamProfileArgs(team="vision", after=(queue,)))
local_queue.deploy(profile.owner, "vision", after=[queue])
"""


def _run(*arguments: str, timeout_seconds: float) -> None:
    argv = [sys.executable, "-m", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout_seconds)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def cluster() -> Generator[Instance]:
    _run("upstream", "build", "kueue", "nvidia-device-plugin", timeout_seconds=_BUILD_SECONDS)
    published = [f"{name}={images.reference(name)}" for name in _IMAGES]
    _run("images", "publish", *published, timeout_seconds=_BUILD_SECONDS)
    _run("cluster", "up", "--kind", "native", "--name", _NAME, timeout_seconds=_UP_SECONDS)
    try:
        yield Instance(_NAME)
    finally:
        _run("cluster", "down", "--kind", "native", "--name", _NAME, timeout_seconds=_UP_SECONDS)


@pytest.fixture(scope="module")
def engine(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    folder = tmp_path_factory.mktemp("gpus")
    (folder / "program").mkdir()
    (folder / "program" / "__main__.py").write_text(PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        for key in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
            patch.delenv(key, raising=False)
        kubeconfig = Path(cluster.endpoints().kubeconfig)
        engine = ProgramEngine(
            stack="local", folder=folder / "engine", kubeconfig=kubeconfig, program=folder / "program"
        )
        engine.prepare()
        summary = _engine(engine, "up")
        assert not summary.failed
        assert summary.retried == ()
        yield engine


def _engine(engine: Engine, *arguments: str) -> events.Summary:
    seen: list[dict[str, Any]] = []
    code = engine.run(*arguments, on_event=seen.append)
    assert code == 0, engine.output_of(arguments[0])
    return events.summarise(seen)


def _get(cluster: Instance, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(addons.kubectl(cluster, "get", "-o", "json", *arguments))
    return found


def _create(cluster: Instance, name: str, gpus: int, namespace: str = "vision", **spec: object) -> None:
    limits = {"cpu": "10m", "memory": "16Mi", **({GPU_RESOURCE: str(gpus)} if gpus else {})}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": storage.helper_image(),
        "command": ["sleep", "3600"],
        "resources": {"limits": limits},
        "securityContext": security,
    }
    restricted = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": restricted,
            "containers": [container],
            **spec,
        },
    }
    addons.kubectl(cluster, "create", "-f", "-", stdin=json.dumps(pod))


def _await(what: str, probe: Any) -> None:
    wait_for(what, probe, timeout_seconds=_POD_SECONDS, interval_seconds=0.5)


def test_a_second_up_changes_nothing(engine: Engine) -> None:
    assert _engine(engine, "up", "--expect-no-changes").changed == 0


def test_pods_queue_for_the_quota_of_their_team(engine: Engine, cluster: Instance) -> None:
    queue = _get(cluster, "localqueue", LOCAL_QUEUE, "--namespace=vision")
    assert queue["spec"]["clusterQueue"] == "vision"
    for name in ("first", "second"):
        _create(cluster, name, gpus=1)
    _create(cluster, "third", gpus=1)

    def gates() -> str | None:
        pods = _get(cluster, "pods", "--namespace=vision")["items"]
        queued = [each["metadata"]["name"] for each in pods if each["spec"].get("schedulingGates")]
        return None if len(pods) == 3 and len(queued) == 1 else f"{len(pods)} pods, queued: {queued}"

    _await("two of three pods admitted", gates)
    for each in _get(cluster, "pods", "--namespace=vision")["items"]:
        keys = [toleration.get("key") for toleration in each["spec"]["tolerations"]]
        assert TOLERATION["key"] in keys, each["metadata"]["name"]


# An account that may read metrics, as Prometheus' account may, and one that may not.
_READERS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: stranger, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metrics-reader-of-a-test}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-reader-of-a-test}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: metrics-reader-of-a-test}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
"""


@contextmanager
def _forwarded(cluster: Instance, port: int) -> Generator[str]:
    """Forward a port of the controller's pod; give the address on this machine."""
    argv = [str(binaries.path("kubectl")), f"--kubeconfig={cluster.kubeconfig}", "--namespace=kueue"]
    argv += ["port-forward", "deployment/kueue-controller-manager", f":{port}", "--address=127.0.0.1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            yield f"https://{line.split()[2]}"
        finally:
            process.terminate()


def test_metrics_are_served_to_accounts_that_may_read_them_and_to_no_other(
    engine: Engine, cluster: Instance
) -> None:
    addons.kubectl(cluster, "apply", "-f", "-", stdin=_READERS)
    (target,) = monitoring.watch("kueue", REHEARSAL).targets
    tokens = {
        name: addons.kubectl(cluster, "create", "token", name, "--namespace=default").strip()
        for name in ("reader", "stranger")
    }
    with (
        _forwarded(cluster, target.port) as address,
        # As Prometheus does: the certificate is issued for the Service.
        httpx.Client(base_url=address, verify=False, timeout=10) as client,  # noqa: S501
    ):
        answers = {
            name: client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
            for name, token in tokens.items()
        }
        unknown = client.get("/metrics")
    assert {name: answer.status_code for name, answer in answers.items()} == {"reader": 200, "stranger": 403}
    assert unknown.status_code == 401
    for metric in target.metrics:
        assert f"\n{metric}" in answers["reader"].text, metric


def test_a_pod_that_asks_for_no_gpu_runs_and_may_not_tolerate_gpu_nodes(
    engine: Engine, cluster: Instance
) -> None:
    _create(cluster, "plain", gpus=0)
    ready = ("wait", "--for=condition=Ready", f"--timeout={_POD_SECONDS}s", "pod/plain", "--namespace=vision")
    addons.kubectl(cluster, *ready, timeout_seconds=_POD_SECONDS + 10)
    with pytest.raises(Exception, match=gpu_admission.DENY_NON_GPU_PODS):
        _create(cluster, "intruder", gpus=0, tolerations=[dict(TOLERATION)])


def test_a_pod_outside_of_the_teams_gets_no_gpu(engine: Engine, cluster: Instance) -> None:
    with pytest.raises(Exception, match="GPUs are shared by teams"):
        _create(cluster, "outsider", gpus=1, namespace="default")


def test_the_device_plugin_starts_on_nodes_of_its_pool_and_names_what_it_lacks(
    engine: Engine, cluster: Instance
) -> None:
    selector = "--selector=app.kubernetes.io/name=nvidia-device-plugin"
    assert not _get(cluster, "pods", "--namespace=nvidia-device-plugin", selector)["items"]
    (node,) = _get(cluster, "nodes")["items"]
    addons.kubectl(cluster, "label", "node", node["metadata"]["name"], f"{POOL_LABEL}=a10g")

    def complaint() -> str | None:
        pods = _get(cluster, "pods", "--namespace=nvidia-device-plugin", selector)["items"]
        if not pods:
            return "no pod"
        statuses = pods[0]["status"].get("containerStatuses", [])
        ended = [
            each[key]["terminated"]
            for each in statuses
            for key in ("state", "lastState")
            if "terminated" in each[key]
        ]
        said = [each.get("message", "") for each in ended]
        return (
            None
            if any("invalid device discovery strategy" in each for each in said)
            else f"{statuses} {said}"
        )

    _await("the plugin's complaint", complaint)


def test_destroy_leaves_no_object_and_no_definition(engine: Engine, cluster: Instance) -> None:
    assert not _engine(engine, "destroy").failed
    assert _get(cluster, "crds", "--selector=app.kubernetes.io/part-of=plinth")["items"] == []
    left = [each["metadata"]["name"] for each in _get(cluster, "namespaces")["items"]]
    assert not {"kueue", "vision", "nvidia-device-plugin"} & set(left)
