"""The Kueue controller: definitions, webhooks and settings, behind our own certificate."""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.gpus.gpu_admission import asks_for_gpu
from components.gpus.gpu_queues import TEAM_LABEL
from components.shapes import network_policies, pod_security, replicated_server, server_pods, webhook_server
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.shapes.webhook_server import WebhookServer
from components.versions import upstream_version

WEBHOOK_SERVICE = "kueue-webhook-service"
METRICS_PORT = 8443
_ACCOUNT = "kueue-controller-manager"
_SETTINGS = "kueue-manager-config"
_SETTINGS_FILE = "controller_manager_config.yaml"
_CERTIFICATE = "kueue-webhook-server-cert"
_CERTIFICATE_FOLDER = "/etc/kueue/webhook"
# Kueue reads it from nowhere else when certificates are not its own.
METRICS_CERTIFICATE_FOLDER = "/etc/kueue/metrics/certs"
_HEALTH_PORT = 8081
_PROJECT = "kueue"
_MODULE = "sigs.k8s.io/kueue"
_VERSION = "v1beta2"
_RIGHTS = "config/components/rbac"
_DEFINITIONS = "config/components/crd/bases/*.yaml"
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# Plain pods (what pipelines make) and Jobs; each further kind of job is another webhook that can be down.
_FRAMEWORKS = ("batch/job", "pod")
_WEBHOOKS = ("job", "pod", "clusterqueue", "cohort", "resourceflavor", "workload")


@dataclass(frozen=True, kw_only=True)
class KueueControllerArgs:
    """What the controller needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: pulumi.Input[str]
    """The controller."""
    webhook_ca: pulumi.Input[str]
    """Certificate authority of the webhooks, as PEM."""
    webhook_certificate: pulumi.Input[str]
    """Certificate for `webhook_host(namespace)`, as PEM."""
    webhook_key: pulumi.Input[str]
    """The certificate's key, as PEM."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    replicas: int = 1
    """One leads, all answer webhooks: without a webhook no team's GPU pod starts."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a controller that would not run."""
        if self.replicas < 1:
            raise ValueError(f"replicas: {self.replicas}; give at least 1")


def definitions() -> list[manifests.Manifest]:
    """Return the custom resources' definitions, in the one version that the controller itself speaks.

    Upstream stores the version before it and converts by webhook, for clusters that came from an older
    Kueue: ours start with this one.
    """
    found = manifests.without_descriptions(manifests.load(_PROJECT, _MODULE, _DEFINITIONS))
    for each in found:
        (current,) = [version for version in each["spec"]["versions"] if version["name"] == _VERSION]
        each["spec"]["versions"] = [{**current, "storage": True, "served": True}]
        each["spec"].pop("conversion", None)
        if each["spec"]["names"]["kind"] == "Workload":
            _open_pod_templates(current["schema"]["openAPIV3Schema"])
    return found


def _open_pod_templates(schema: dict[str, Any]) -> None:
    """Let pod templates pass unchecked: they are 300 kB of schema, and checked where they become pods."""
    pod_sets = schema["properties"]["spec"]["properties"]["podSets"]["items"]["properties"]
    pod_sets["template"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def rights() -> list[Any]:
    """Return what the controller may do in the whole cluster: upstream's own role."""
    found = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/role.yaml")
    return manifests.find(found, "ClusterRole", "manager-role")["rules"]


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(WEBHOOK_SERVICE, namespace)


def settings(
    namespace: str, *, certificate_folder: str = _CERTIFICATE_FOLDER, leader_election: bool = True
) -> dict[str, Any]:
    """Return the controller's configuration.

    Args:
        namespace: where it runs.
        certificate_folder: where its webhooks' certificate lies.
        leader_election: whether another replica may exist.
    """
    return {
        "apiVersion": f"config.kueue.x-k8s.io/{_VERSION}",
        "kind": "Configuration",
        "namespace": namespace,
        "health": {"healthProbeBindAddress": f":{_HEALTH_PORT}"},
        "metrics": {"bindAddress": f":{METRICS_PORT}", "enableClusterQueueResources": True},
        "webhook": {"port": webhook_server.PORT, "certDir": certificate_folder},
        "leaderElection": {"leaderElect": leader_election, "resourceName": "kueue.plinth.dev"},
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
        # Each pod costs half a dozen writes: upstream's 50 a second would stretch a burst of pods to minutes.
        "clientConnection": {"qps": 200, "burst": 400},
        "internalCertManagement": {"enable": False},
        "managedJobsNamespaceSelector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]},
        "integrations": {"frameworks": list(_FRAMEWORKS)},
        # Quotas are of GPUs alone: CPU and memory follow from the nodes that carry them.
        "resources": {"excludeResourcePrefixes": ["cpu", "memory", "ephemeral-storage", "hugepages-"]},
        # Off: a watch of Secrets, a watch of every node, and an API with a certificate of its own.
        "featureGates": {"MultiKueue": False, "TopologyAwareScheduling": False, "VisibilityOnDemand": False},
    }


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return the webhooks we need by "kind name", calling our Service and trusting our authority.

    Those of Jobs and pods are called for teams' GPUs alone: with Kueue down everything else still starts.
    """
    found = manifests.load(_PROJECT, _MODULE, "config/components/webhook/manifests.yaml")
    kept: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        wanted = [hook for hook in each["webhooks"] if hook["name"][1:].split(".")[0] in _WEBHOOKS]
        for webhook in wanted:
            webhook_server.call(webhook, service=WEBHOOK_SERVICE, namespace=namespace, ca=ca)
            kind = webhook["name"][1:].split(".")[0]
            if kind in ("job", "pod"):
                pod = "object.spec" if kind == "pod" else "object.spec.template.spec"
                webhook["namespaceSelector"] = {
                    "matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]
                }
                webhook["matchConditions"] = [
                    {"name": "queued-or-asks-for-a-gpu", "expression": f"{_queued()} || {asks_for_gpu(pod)}"}
                ]
        kept[f"{each['kind']} kueue-{each['metadata']['name']}"] = wanted
    return kept


def _queued() -> str:
    return f"(has(object.metadata.labels) && '{_QUEUE_LABEL}' in object.metadata.labels)"


class KueueController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks."""

    namespace: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: KueueControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:KueueController", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._release = version
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("kueue", name, "controller", version=version), **args.extra_labels}
        self._selector = {**selector("kueue", name), "app.kubernetes.io/component": "controller"}
        definitions = self._definitions()
        server = WebhookServer(
            component=name,
            namespace=args.namespace,
            labels=self._labels,
            selector=self._selector,
            parent=self,
        )
        certificate = server.certificate(_CERTIFICATE, args.webhook_certificate, args.webhook_key)
        policy = server.network_policy(args.scrapers, METRICS_PORT)
        controller = self._controller([definitions, *self._rights(), self._settings(), certificate, policy])
        # Flavors and queues are checked by the webhooks, so they come after them.
        self.ready = server.configurations(
            webhooks,
            args.webhook_ca,
            lambda _, role: f"{name}-{role}",
            after=[controller, server.service(WEBHOOK_SERVICE)],
        )
        self.namespace = controller.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        own = labels("kueue", self._name, "definitions", version=self._release)
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(definitions(), {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        leader = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/leader_election_role.yaml")
        leader_rules = manifests.find(leader, "Role", "leader-election-role")["rules"]
        leader_name = f"{self._name}-leader-election"
        access = AccessRights(
            component=self._name,
            account=_ACCOUNT,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [
            access.service_account(),
            access.in_cluster(rights(), name=self._name),
            access.in_namespace(leader_rules, name=leader_name, resource=leader_name),
        ]

    def _settings(self) -> kubernetes.core.v1.ConfigMap:
        data = pulumi.Output.from_input(self._args.namespace).apply(
            lambda namespace: {_SETTINGS_FILE: json.dumps(settings(namespace), indent=1)}
        )
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings", metadata=self._metadata(_SETTINGS), data=data, opts=self._child
        )

    def _controller(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["/manager", f"--config=/etc/kueue/settings/{_SETTINGS_FILE}", "--zap-log-level=info"],
            ports={"webhook": webhook_server.PORT, "metrics": METRICS_PORT, "health": _HEALTH_PORT},
            mounts={
                "settings": "/etc/kueue/settings",
                "certificate": _CERTIFICATE_FOLDER,
                "metrics-certificate": METRICS_CERTIFICATE_FOLDER,
            },
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="100m", memory="256Mi", memory_limit="1Gi"),
        )
        container["startup_probe"] = webhook_server.startup_probe()
        spec = server_pods.deployment(
            selector=self._selector,
            labels=self._labels,
            container=container,
            volumes=[
                {"name": "settings", "config_map": {"name": _SETTINGS}},
                {"name": "certificate", "secret": {"secret_name": _CERTIFICATE}},
                {"name": "metrics-certificate", "secret": {"secret_name": _CERTIFICATE}},
            ],
            service_account=_ACCOUNT,
        )
        return replicated_server.deploy(
            self._name,
            role="manager",
            metadata=self._metadata(_ACCOUNT),
            spec=spec,
            replicas=self._args.replicas,
            parent=self,
            after=after,
        )
