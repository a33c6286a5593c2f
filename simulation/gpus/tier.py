"""The simulated GPU tier: real control plane, scheduler, Kueue and Karpenter on nodes that KWOK simulates."""

import base64
import json
import shutil
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from cluster import lock
from cluster.instance import Addresses, Instance
from cluster.processes import Process
from cluster.programs import certificates, control_plane, etcd
from cluster.programs.certificates import API_PORT
from cluster.wait import wait_for
from components import manifests
from components.aws import instance_types
from components.gpus import gpu_admission, gpu_pools
from components.queues import kueue_controller, team_quotas
from components.shapes.labels import TEAM_LABEL
from infra import generated
from infra.settings import gpu_sharing, reader, stack_file, team_sharing
from infra.settings.cluster import EksSettings
from infra.settings.pools import GpuPoolSettings, Provisioner
from infra.settings.stack import PROJECT, Settings
from simulation.gpus import accounts, nodes, requests
from simulation.gpus.accounts import KUEUE_NAMESPACE, Account
from simulation.gpus.api import Api, Object, condition
from simulation.gpus.programs import Programs
from upstream.build import binary

# The only address in the tier's network namespace.
ADDRESS = "10.255.0.1"
_SERVER = f"https://{ADDRESS}:{API_PORT}"
NOT_READY = "node.kubernetes.io/not-ready"
_SYSTEM_NODES = 2
_START_SECONDS = 120
_NODES_SECONDS = 180
# Nodes send no heartbeats: only an explicit condition makes one not ready.
_NO_HEARTBEATS = "24h"
# Set in the namespaces that `python -m simulation.gpus` creates.
INSIDE = "PLINTH_GPU_SIM"
_REQUESTS_LOG = "requests.log"
_STACK = Path(__file__).parent / "Pulumi.gpu-sim.yaml"


@dataclass(frozen=True, kw_only=True)
class Tier:
    """The running tier."""

    api: Api
    programs: Programs
    settings: Settings
    authority: Path
    """Certificate of the authority that the API server's is issued by."""

    @property
    def cluster(self) -> EksSettings:
        """The settings of the tier's cluster."""
        if not isinstance(self.settings.cluster, EksSettings):
            raise TypeError(f"{_STACK.name}: the simulated tier needs a cluster of kind eks")
        return self.settings.cluster

    def pool(self, name: str) -> GpuPoolSettings:
        """Return the settings of one pool."""
        return next(each for each in self.settings.gpu_pools if each.name == name)

    def wait(
        self, what: str, probe: Callable[[], str | None], *, timeout_seconds: float, successes: int = 1
    ) -> None:
        """Wait for a state; fail at once if a program ends."""

        def checked() -> str | None:
            self.programs.check()
            return probe()

        wait_for(what, checked, timeout_seconds=timeout_seconds, interval_seconds=0.5, successes=successes)

    @property
    def requests_log(self) -> Path:
        """The log of the controllers' requests."""
        return self.programs.logs / _REQUESTS_LOG

    def refusal(self, account: Account, path: str) -> str:
        """Return why the API server does not let an account read a path; empty if it does."""
        headers = {"Authorization": f"Bearer {account.token(self.api)}"}
        trusted = ssl.create_default_context(cafile=str(self.authority))
        answer = httpx.get(f"{_SERVER}{path}", headers=headers, verify=trusted)
        return answer.json()["message"] if answer.is_error else ""

    def pool_nodes(self, pool: str) -> list[Object]:
        """Return the nodes of a pool."""
        return self.api.items("/api/v1/nodes", labelSelector=f"{gpu_pools.POOL_LABEL}={pool}")


def settings() -> Settings:
    """Return the settings of the simulated stack, validated as those of any stack."""
    config = stack_file.read(_STACK)["config"]
    return reader.parse({key.removeprefix(f"{PROJECT}:"): value for key, value in config.items()})


@contextmanager
def running() -> Generator[Tier]:
    """Run the tier for the duration of the context; delete its files afterwards.

    Raises:
        ClusterError: another process runs it: its files would be deleted.
    """
    instance = Instance("gpu-sim")
    with lock.held(instance, "make gpu-sim"):
        shutil.rmtree(instance.folder, ignore_errors=True)
        try:
            with _started(instance) as tier:
                yield tier
        finally:
            shutil.rmtree(instance.folder, ignore_errors=True)


@contextmanager
def _started(instance: Instance) -> Generator[Tier]:
    addresses = Addresses(host_ip=ADDRESS, node_ip=ADDRESS, gateway_port=0, api_port=0, registry_port=0)
    certificates.create(instance, addresses)
    with Programs(instance.logs) as programs, _client(instance) as api:
        tier = Tier(api=api, programs=programs, settings=settings(), authority=instance.pki / "ca.crt")
        _start_control_plane(tier, instance, addresses)
        _define(tier)
        _start_controllers(tier, instance)
        _add_queues(tier)
        _add_nodes(tier)
        yield tier


def _client(instance: Instance) -> Api:
    users: Any = yaml.safe_load(instance.kubeconfig.read_text())["users"]
    for field in ("certificate", "key"):
        data = base64.b64decode(users[0]["user"][f"client-{field}-data"])
        (instance.pki / f"tests.{field}").write_bytes(data)
    return Api(
        _SERVER,
        authority=instance.pki / "ca.crt",
        certificate=instance.pki / "tests.certificate",
        key=instance.pki / "tests.key",
    )


def _start_control_plane(tier: Tier, instance: Instance, addresses: Addresses) -> None:
    api = f"{ADDRESS}:{API_PORT}"
    # A throw-away cluster: nothing is read after a crash.
    _start(tier, etcd.process(instance), "--unsafe-no-fsync=true")
    namespaces = [each.namespace for each in accounts.controllers()]
    recorded = requests.flags(instance.folder, tier.requests_log, namespaces)
    _start(tier, control_plane.api_server(instance, addresses), *recorded)
    tier.wait(
        "the API server answers",
        lambda: None if tier.api.is_ready() else "not yet",
        timeout_seconds=_START_SECONDS,
    )
    limits = ("--kube-api-qps=500", "--kube-api-burst=1000")
    _start(
        tier,
        control_plane.controller_manager(instance, api),
        "--allocate-node-cidrs=false",
        f"--node-monitor-grace-period={_NO_HEARTBEATS}",
        *limits,
    )
    _start(tier, control_plane.scheduler(instance, api), *limits)


def _start(tier: Tier, process: Process, *more: str) -> None:
    tier.programs.start(process.name, [*process.argv, *more], process.environment)


def _define(tier: Tier) -> None:
    definitions = [
        *kueue_controller.definitions(),
        *manifests.load(
            "karpenter",
            "sigs.k8s.io/karpenter",
            "pkg/apis/crds/*.yaml",
            "kwok/apis/crds/*.yaml",
        ),
    ]
    tier.api.create_all(definitions)
    tier.api.create_all(gpu_admission.objects())
    tier.api.create_all(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in [
            *((account.namespace, {}) for account in accounts.controllers()),
            *((team.name, {TEAM_LABEL: team.name}) for team in tier.settings.teams),
        ]
    )

    def unestablished() -> str | None:
        definitions = tier.api.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        missing = [
            each["metadata"]["name"]
            for each in definitions
            if condition(each, "Established").get("status") != "True"
        ]
        return ", ".join(missing) or None

    tier.wait("definitions are established", unestablished, timeout_seconds=_START_SECONDS)


def _start_controllers(tier: Tier, instance: Instance) -> None:
    stages = instance.folder / "stages.yaml"
    stages.write_text("\n---\n".join(json.dumps(each) for each in nodes.stages()))
    kubeconfig = f"--kubeconfig={instance.kubeconfig}"
    tier.programs.start(
        "kwok",
        [
            str(binary("kwok")),
            kubeconfig,
            f"--config={stages}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=0",
        ],
    )
    _start_kueue(tier, instance)
    types = instance.folder / "instance-types.json"
    scaled = [pool for pool in tier.settings.gpu_pools if pool.provisioner is Provisioner.KARPENTER]
    types.write_text(
        json.dumps(
            [each for pool in scaled for each in nodes.karpenter_types(pool, tier.cluster.availability_zones)]
        )
    )
    environment = {
        "KUBECONFIG": str(_log_in(tier, instance, accounts.karpenters())),
        "INSTANCE_TYPES_FILE_PATH": str(types),
    }
    # It ends when a busy machine lets its lease lapse, and has no setting for how long one lasts.
    flags = ("--disable-leader-election=true", "--metrics-port=8082", "--health-probe-port=8083")
    tier.programs.start("karpenter", [str(binary("karpenter-kwok")), *flags], environment)


def _log_in(tier: Tier, instance: Instance, account: Account) -> Path:
    """Create a controller's account, with the rights of its component and no more; return its kubeconfig."""
    account.create(tier.api)
    path = instance.folder / f"{account.name}.kubeconfig"
    path.write_text(json.dumps(account.kubeconfig(tier.api, _SERVER, tier.authority)))
    return path


def _start_kueue(tier: Tier, instance: Instance) -> None:
    """Start Kueue with the certificate and the webhooks of its component."""
    authority, certificate, key = generated.certificate(("localhost",), "simulated webhooks")
    folder = instance.folder / "kueue"
    folder.mkdir()
    (folder / "tls.crt").write_text(certificate)
    (folder / "tls.key").write_text(key)
    configuration = kueue_controller.settings(KUEUE_NAMESPACE, certificate_folder=str(folder))
    # Outside a pod it does not know its namespace; and a test suspends it, which must not cost it the lead.
    configuration["leaderElection"] |= {
        "resourceNamespace": KUEUE_NAMESPACE,
        "leaseDuration": "10m",
        "renewDeadline": "9m",
        "retryPeriod": "2s",
    }
    (folder / "settings.json").write_text(json.dumps(configuration))
    # Kueue reads the certificate of its metrics from this path only, which the machine does not have: the
    # folder exists in a separate mount namespace.
    metrics = kueue_controller.METRICS_CERTIFICATE_FOLDER
    script = (
        f"mount -t tmpfs none /etc && mkdir -p {metrics} && cp {folder}/tls.* {metrics}/ && "
        f"exec {binary('kueue-controller')} --config={folder}/settings.json --zap-log-level=info"
    )
    tier.programs.start(
        "kueue",
        ["unshare", "--mount", "sh", "-c", script],
        {"KUBECONFIG": str(_log_in(tier, instance, accounts.kueue()))},
    )
    configurations = kueue_controller.webhooks(KUEUE_NAMESPACE, authority)
    for name, webhooks in configurations.items():
        kind, object_name = name.split()
        for webhook in webhooks:
            client = webhook["clientConfig"]
            client["url"] = f"https://localhost:9443{client.pop('service')['path']}"
        tier.api.create(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": object_name},
                "webhooks": webhooks,
            }
        )


def _add_queues(tier: Tier) -> None:
    pools = gpu_sharing.pools(tier.settings.gpu_pools)
    teams = team_sharing.teams(tier.settings.teams)
    if problems := team_quotas.problems(pools, teams):
        raise ValueError(f"{_STACK.name}: {'; '.join(problems)}")
    rendered = [*team_quotas.objects(pools, teams), *(team_quotas.local_queue(team.name) for team in teams)]

    def first_refused() -> str | None:
        # Kueue's webhooks answer some seconds after it starts.
        try:
            tier.api.create(rendered[0])
        except Exception as refusal:
            return str(refusal)
        return None

    tier.wait("Kueue's webhooks answer", first_refused, timeout_seconds=_START_SECONDS)
    for each in rendered[1:]:
        tier.api.create(each)

    def inactive() -> str | None:
        queues = tier.api.items("/apis/kueue.x-k8s.io/v1beta2/clusterqueues")
        states = {each["metadata"]["name"]: condition(each, "Active") for each in queues}
        idle = [
            f"{name}: {state.get('message')}"
            for name, state in states.items()
            if state.get("status") != "True"
        ]
        return "; ".join(idle) or None

    tier.wait("queues are active", inactive, timeout_seconds=_START_SECONDS)


def _add_nodes(tier: Tier) -> None:
    cluster = tier.cluster
    system = instance_types.known(cluster.system_pool.instance_types[0])
    made = [nodes.node(f"system-{number}", system, None) for number in range(_SYSTEM_NODES)]
    for pool in tier.settings.gpu_pools:
        if pool.provisioner is Provisioner.KARPENTER:
            tier.api.create_all(nodes.node_pool(pool, cluster.availability_zones))
        else:
            made += nodes.nodes(pool)
    tier.api.create_all(made)

    def unready() -> str | None:
        listed = tier.api.items("/api/v1/nodes")
        # A new node keeps its taint for a while after its first condition.
        ready = sum(
            condition(each, "Ready").get("status") == "True" and NOT_READY not in nodes.taints(each)
            for each in listed
        )
        return None if ready == len(made) else f"{ready} of {len(made)}"

    tier.wait("every node is ready", unready, timeout_seconds=_NODES_SECONDS)
