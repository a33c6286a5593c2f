"""The Prometheus operator of one namespace: it runs Prometheus and Alertmanager as their resources say."""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.shapes import network_policies, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import upstream_version

PORT = 8080
PROJECT = "prometheus-operator"
MODULE = "github.com/prometheus-operator/prometheus-operator"
# Without any one of these the operator waits for its caches for ever. Those of agents, Thanos and scrape
# configurations it leaves alone when they are not defined.
_DEFINITIONS = (
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheuses",
    "prometheusrules",
    "servicemonitors",
)
# spec, a list in it and the names of an item: below lie pods, volumes and the settings of receivers.
_SCHEMA_LEVELS = 3
# What the operator may do outside its namespace: read.
_CLUSTER_WIDE = {"namespaces", "nodes", "storageclasses"}


@dataclass(frozen=True, kw_only=True)
class PrometheusOperatorArgs:
    """What the operator needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace; the operator sees no other."""
    image: str
    """The operator."""
    reloader_image: str
    """What the operator puts beside each server, to reload changed configuration."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse what would run upstream's default, whatever that is."""
        if not self.reloader_image:
            raise ValueError("reloader_image: none given; name prometheus-config-reloader's image")


def definitions() -> list[manifests.Manifest]:
    """Return the custom resources' definitions, with schemas as deep as the names that people write."""
    files = (f"example/prometheus-operator-crd/monitoring.coreos.com_{each}.yaml" for each in _DEFINITIONS)
    found = manifests.load(PROJECT, MODULE, *files)
    for each in found:
        for version in each["spec"]["versions"]:
            schema = version["schema"]
            schema["openAPIV3Schema"] = manifests.outline(schema["openAPIV3Schema"], _SCHEMA_LEVELS)
    return found


def rules() -> tuple[
    list[kubernetes.rbac.v1.PolicyRuleArgsDict], list[kubernetes.rbac.v1.PolicyRuleArgsDict]
]:
    """Return upstream's rights: those in the namespace and those in the cluster."""
    role = manifests.find(manifests.load(PROJECT, MODULE, "bundle.yaml"), "ClusterRole", PROJECT)
    inside: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = []
    outside: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = []
    for rule in role["rules"]:
        if _CLUSTER_WIDE & set(rule["resources"]):
            reading = [verb for verb in rule["verbs"] if verb in ("get", "list", "watch")]
            outside.append(
                {"api_groups": rule["apiGroups"], "resources": rule["resources"], "verbs": reading}
            )
        else:
            inside.append(
                {"api_groups": rule["apiGroups"], "resources": rule["resources"], "verbs": rule["verbs"]}
            )
    return inside, outside


class PrometheusOperator(pulumi.ComponentResource):
    """The operator and the definitions of its resources."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: PrometheusOperatorArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(PROJECT, MODULE)
        super().__init__("plinth:index:PrometheusOperator", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels(PROJECT, name, "operator", version=version), **args.extra_labels}
        self._selector = selector(PROJECT, name)
        operator = self._operator([self._definitions(), self._network_policy(), *self._rights()])
        # Taken from the operator, so that what it minds is made after it.
        self.namespace = operator.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": self._name, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        own = labels(PROJECT, self._name, "definitions")
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(definitions(), {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        inside, outside = rules()
        access = AccessRights(
            component=self._name,
            account=self._name,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [
            access.service_account(),
            access.in_namespace(inside, name=self._name),
            access.in_cluster(outside, name=self._name, resource=f"{self._name}-cluster"),
        ]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        scrapers = self._args.scrapers
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress(scrapers, PORT)] if scrapers else [],
                outgoing=[network_policies.api_server()],
            ),
            opts=self._child,
        )

    def _operator(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "operator",
            self._args.image,
            [
                "/bin/operator",
                pulumi.Output.concat("--namespaces=", self._args.namespace),
                f"--prometheus-config-reloader={self._args.reloader_image}",
                "--config-reloader-cpu-request=5m",
                "--config-reloader-cpu-limit=0",
                "--config-reloader-memory-request=16Mi",
                "--config-reloader-memory-limit=64Mi",
            ],
            # Upstream's own choice: the operator holds far more than it uses otherwise.
            env=[{"name": "GOGC", "value": "30"}],
            ports={"http": PORT},
            probe=pod_security.http_probe("/healthz", PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="20m", memory="48Mi", memory_limit="256Mi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec=server_pods.deployment(
                selector=self._selector,
                labels=self._labels,
                container=container,
                service_account=self._name,
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )
