"""The Kueue controller: definitions, settings, and webhooks with our own certificate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1

from components import manifests
from components.gpus.gpu_admission import requests_gpu
from components.gpus.gpu_pools import EFA_RESOURCE
from components.queues.team_quotas import CPU_RESOURCE
from components.shapes import (
    access_rights,
    controller,
    network_policies,
    pod_security,
    replicated_server,
    server_pods,
    webhook_server,
)
from components.shapes.controller import Controller, Grant, Rights, Settings
from components.shapes.labels import COMPONENT, NAME, TEAM_LABEL, labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.server_pods import TMP, Mount
from components.shapes.webhook_server import WebhookServer
from components.versions import upstream_version

WEBHOOK_SERVICE = "kueue-webhook-service"
METRICS_PORT = 8443
"""Served over TLS with the webhooks' certificate."""
POD_LABELS: Final[Mapping[str, str]] = {NAME: "kueue", COMPONENT: "controller"}
_ACCOUNT = "kueue-controller-manager"
_SETTINGS = "kueue-manager-config"
_SETTINGS_FILE = "controller_manager_config.yaml"
_CERTIFICATE = "kueue-webhook-server-cert"
_CERTIFICATE_FOLDER = "/etc/kueue/webhook"
# Kueue has no setting for this path when it does not manage its own certificates.
METRICS_CERTIFICATE_FOLDER = "/etc/kueue/metrics/certs"
_HEALTH_PORT = 8081
_PROJECT = "kueue"
_MODULE = "sigs.k8s.io/kueue"
_VERSION = "v1beta2"
_RIGHTS = "config/components/rbac"
_DEFINITIONS = "config/components/crd/bases/*.yaml"
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# Plain pods (as pipelines create them) and Jobs; each further kind of job is another webhook that can fail.
_FRAMEWORKS = ("batch/job", "pod")
_WEBHOOKS = ("job", "pod", "clusterqueue", "cohort", "resourceflavor", "workload")


class Framework(StrEnum):
    """Further kinds of jobs that can queue, by the names that Kueue gives them."""

    JOB_SET = "jobset.x-k8s.io/jobset"
    TRAIN_JOB = "trainer.kubeflow.org/trainjob"

    @property
    def group(self) -> str:
        """API group of the kind."""
        return self.partition("/")[0]

    @property
    def kind(self) -> str:
        """Name of the kind in the names of Kueue's webhooks."""
        return self.partition("/")[2]


# `kubectl get workloads` says what a workload waits for.
_WHY = {
    "name": "Why",
    "type": "string",
    "jsonPath": '.status.conditions[?(@.type=="QuotaReserved")].message',
}
# What upstream grants for features that `settings` leaves out.
_NEEDLESS = (
    # Its own certificates, which it writes into webhooks and definitions.
    "*.admissionregistration.k8s.io",
    "*.apiextensions.k8s.io",
    # The API of waiting workloads.
    "*.flowcontrol.apiserver.k8s.io",
    # Nodes on request of a queue: no cluster of ours has the kind.
    "*.autoscaling.x-k8s.io",
    # Devices of dynamic resource allocation.
    "deviceclasses.resource.k8s.io",
    "podtemplates",
    "provisioningrequestconfigs.kueue.x-k8s.io",
    # Placement by topology.
    "nodes",
    "topologies.kueue.x-k8s.io",
    "topologies/finalizers.kueue.x-k8s.io",
    # Other clusters.
    "multikueueclusters.kueue.x-k8s.io",
    "multikueueclusters/status.kueue.x-k8s.io",
    "multikueueconfigs.kueue.x-k8s.io",
)
# Frameworks that it does not run. It looks up the owners of a pod all the same, of whatever framework.
_OTHER_FRAMEWORKS = (
    "*.jobset.x-k8s.io",
    "*.kubeflow.org",
    "*.leaderworkerset.x-k8s.io",
    "*.ray.io",
    "*.sparkoperator.k8s.io",
    "*.trainer.kubeflow.org",
    "*.workload.codeflare.dev",
)


@dataclass(frozen=True, kw_only=True)
class KueueControllerArgs:
    """Inputs of `KueueController`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of the controller."""
    webhook_certificate: ServerCertificate
    """Issued for `webhook_host(namespace)`."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """One leads, all serve webhooks: without a webhook nothing starts that would queue."""
    cpu_teams: Sequence[str] = ()
    """Teams with a quota of CPUs, in whose namespaces every Job queues."""
    frameworks: Sequence[Framework] = ()
    """Further kinds of jobs, which queue in the namespace of every team."""
    instance: str = ""
    """What its objects have as the label of their instance; by default its Pulumi name."""

    def __post_init__(self) -> None:
        """Reject a controller without a pod."""
        replicated_server.check(self.replicas)


def definitions() -> list[manifests.Manifest]:
    """Return the custom resource definitions, in the one version that the controller itself uses.

    Upstream stores the previous version and converts by webhook, for clusters upgraded from an older Kueue.
    Here every cluster starts with this version.
    """
    found = manifests.without_descriptions(manifests.load(_PROJECT, _MODULE, _DEFINITIONS))
    for each in found:
        (current,) = [version for version in each["spec"]["versions"] if version["name"] == _VERSION]
        current |= {"storage": True, "served": True}
        each["spec"]["versions"] = [current]
        each["spec"].pop("conversion", None)
        if each["spec"]["names"]["kind"] == "Workload":
            _open_pod_templates(current["schema"]["openAPIV3Schema"])
            current["additionalPrinterColumns"].append(_WHY)
    return found


def _open_pod_templates(schema: dict[str, Any]) -> None:
    """Accept any pod template: its schema is 300 kB, and templates are validated when pods are created."""
    pod_sets = schema["properties"]["spec"]["properties"]["podSets"]["items"]["properties"]
    pod_sets["template"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def rights(frameworks: Sequence[Framework] = ()) -> list[Any]:
    """Return the controller's cluster-wide rules: upstream's roles for its work and for its metrics.

    It serves metrics only to clients whose token it has reviewed.

    Args:
        frameworks: further kinds of jobs, which it suspends and starts.
    """
    work, metrics = (
        manifests.find(manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/{file}.yaml"), "ClusterRole", role)[
            "rules"
        ]
        for file, role in (("role", "manager-role"), ("metrics_auth_role", "metrics-auth-role"))
    )
    needed, _ = access_rights.split(work, _NEEDLESS)
    run = {f"*.{each.group}" for each in frameworks}
    own, others = access_rights.split(needed, [each for each in _OTHER_FRAMEWORKS if each not in run])
    return [*own, *access_rights.read_only(others), *metrics]


def leader_rights() -> list[Any]:
    """Return the controller's rules for its own namespace: leader election."""
    leader = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/leader_election_role.yaml")
    return manifests.find(leader, "Role", "leader-election-role")["rules"]


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(WEBHOOK_SERVICE, namespace)


def settings(
    namespace: str,
    *,
    count_cpus: bool = False,
    frameworks: Sequence[Framework] = (),
    certificate_folder: str = _CERTIFICATE_FOLDER,
) -> dict[str, Any]:
    """Return the controller's configuration.

    Args:
        namespace: namespace that it runs in.
        count_cpus: whether quotas count CPUs too.
        frameworks: further kinds of jobs that queue.
        certificate_folder: folder of its webhooks' certificate.
    """
    uncounted = ["memory", "ephemeral-storage", "hugepages-", EFA_RESOURCE]
    return {
        "apiVersion": f"config.kueue.x-k8s.io/{_VERSION}",
        "kind": "Configuration",
        "namespace": namespace,
        "health": {"healthProbeBindAddress": f":{_HEALTH_PORT}"},
        "metrics": {"bindAddress": f":{METRICS_PORT}", "enableClusterQueueResources": True},
        "webhook": {"port": webhook_server.PORT, "certDir": certificate_folder},
        "leaderElection": {"leaderElect": True, "resourceName": "kueue.plinth.dev"},
        "controller": {
            "groupKindConcurrency": {
                "Job.batch": 5,
                "Pod": 10,
                "Workload.kueue.x-k8s.io": 10,
                "LocalQueue.kueue.x-k8s.io": 1,
                "Cohort.kueue.x-k8s.io": 1,
                "ClusterQueue.kueue.x-k8s.io": 1,
                "ResourceFlavor.kueue.x-k8s.io": 1,
            }
        },
        # Each pod costs half a dozen writes: at upstream's 50 a second, a burst of pods would take minutes.
        "clientConnection": {"qps": 200, "burst": 400},
        "internalCertManagement": {"enable": False},
        "managedJobsNamespaceSelector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]},
        "integrations": {"frameworks": [*_FRAMEWORKS, *frameworks]},
        # What a pod requests and no quota covers would keep it waiting for ever.
        "resources": {"excludeResourcePrefixes": uncounted if count_cpus else [CPU_RESOURCE, *uncounted]},
        # They would watch Secrets, watch every node, and serve an API with another certificate.
        "featureGates": {"MultiKueue": False, "TopologyAwareScheduling": False, "VisibilityOnDemand": False},
    }


def webhooks(
    namespace: str, ca: str, *, cpu_teams: Sequence[str] = (), frameworks: Sequence[Framework] = ()
) -> dict[str, list[dict[str, Any]]]:
    """Return the webhooks we need by "kind name", pointed at our Service and certificate authority.

    Those of Jobs and pods are called for what queues alone: if Kueue is down, everything else still starts.

    Args:
        namespace: namespace of the controller.
        ca: certificate authority of the webhooks' certificate, PEM.
        cpu_teams: teams in whose namespaces every Job queues.
        frameworks: further kinds of jobs, which queue in the namespace of every team.
    """
    found = manifests.load(_PROJECT, _MODULE, "config/components/webhook/manifests.yaml")
    further = [each.kind for each in frameworks]
    kept: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        kinds = {hook["name"][1:].split(".")[0]: hook for hook in each["webhooks"]}
        wanted = {kind: hook for kind, hook in kinds.items() if kind in (*_WEBHOOKS, *further)}
        for kind, webhook in wanted.items():
            webhook_server.call(webhook, service=WEBHOOK_SERVICE, namespace=namespace, ca=ca)
            if kind in ("job", "pod", *further):
                webhook["namespaceSelector"] = {
                    "matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]
                }
            if kind in ("job", "pod"):
                webhook["matchConditions"] = [_queues(kind, cpu_teams)]
        kept[f"{each['kind']} kueue-{each['metadata']['name']}"] = [*wanted.values()]
    return kept


def _queues(kind: str, cpu_teams: Sequence[str]) -> dict[str, str]:
    """Return the condition under which a pod or Job of a team queues.

    A pod that requests no GPU never does, unless it names a queue: a step of a pipeline that waits for its
    own Job would hold what the Job waits for, and an inference service cannot wait for its pods.
    """
    queued = f"(has(object.metadata.labels) && '{_QUEUE_LABEL}' in object.metadata.labels)"
    if kind == "pod":
        return {
            "name": "queued-or-asks-for-a-gpu",
            "expression": f"{queued} || {requests_gpu('object.spec')}",
        }
    asks = f"{queued} || {requests_gpu('object.spec.template.spec')}"
    if not cpu_teams:
        return {"name": "queued-or-asks-for-a-gpu", "expression": asks}
    return {
        "name": "queued-or-of-a-team-with-a-quota",
        "expression": f"{asks} || request.namespace in {json.dumps([*cpu_teams])}",
    }


class KueueController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks."""

    ready: Sequence[pulumi.Resource]
    """The registered webhooks, which check flavors and queues: those come after them."""

    def __init__(self, name: str, args: KueueControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:KueueController", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._instance = args.instance or name
        owner = Owner.of_product(
            self,
            self._instance,
            args.namespace,
            product="kueue",
            role="controller",
            version=version,
            select_role=True,
        )
        owner = replace(owner, component=name)
        defined = labels("kueue", self._instance, "definitions", version=version)
        deployed = controller.deploy(
            owner,
            Controller(
                role="manager",
                name=_ACCOUNT,
                pod=self._pod(),
                policy_name="controller",
                policy=network_policies.controller(
                    owner.selector,
                    scrapers=args.scrapers,
                    metrics_port=METRICS_PORT,
                    webhook_port=webhook_server.PORT,
                ),
                definitions=manifests.labelled(definitions(), defined),
                rights=self._rights(),
                settings=self._settings(),
                webhooks=self._webhooks(),
                replicas=args.replicas,
            ),
        )
        self.ready = deployed.webhooks
        self.register_outputs({})

    def _rights(self) -> Rights:
        leader = "leader-election"
        return Rights(
            account=_ACCOUNT,
            cluster=Grant(rules=rights(self._args.frameworks), name=self._instance),
            namespace=Grant(
                rules=leader_rights(), name=f"{self._instance}-{leader}", resource=f"{self._name}-{leader}"
            ),
        )

    def _settings(self) -> Settings:
        args = self._args

        def rendered(namespace: str) -> dict[str, str]:
            made = settings(namespace, count_cpus=bool(args.cpu_teams), frameworks=args.frameworks)
            return {_SETTINGS_FILE: json.dumps(made, indent=1)}

        return Settings(name=_SETTINGS, data=pulumi.Output.from_input(args.namespace).apply(rendered))

    def _webhooks(self) -> WebhookServer:
        args = self._args
        return WebhookServer(
            service=WEBHOOK_SERVICE,
            secret=_CERTIFICATE,
            certificate=args.webhook_certificate,
            webhooks=partial(webhooks, cpu_teams=args.cpu_teams, frameworks=args.frameworks),
            resource=lambda _, role: role,
        )

    def _pod(self) -> v1.PodSpecArgsDict:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["/manager", f"--config=/etc/kueue/settings/{_SETTINGS_FILE}", "--zap-log-level=info"],
            ports={"webhook": webhook_server.PORT, "metrics": METRICS_PORT, "health": _HEALTH_PORT},
            mounts=(
                TMP,
                Mount(volume="settings", path="/etc/kueue/settings"),
                Mount(volume="certificate", path=_CERTIFICATE_FOLDER),
                Mount(volume="metrics-certificate", path=METRICS_CERTIFICATE_FOLDER),
            ),
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT),
            resources=pod_security.sizes(cpu="100m", memory="256Mi", memory_limit="1Gi"),
        )
        container["startup_probe"] = webhook_server.startup_probe()
        return server_pods.pod(
            container,
            volumes=[
                {"name": "settings", "config_map": {"name": _SETTINGS}},
                {"name": "certificate", "secret": {"secret_name": _CERTIFICATE}},
                {"name": "metrics-certificate", "secret": {"secret_name": _CERTIFICATE}},
            ],
            service_account=_ACCOUNT,
        )
