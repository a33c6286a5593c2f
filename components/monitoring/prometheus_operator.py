"""The Prometheus operator of one namespace; it runs the Prometheus and Alertmanager resources there."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.shapes import access_rights, controller, network_policies, pod_security, server_pods
from components.shapes.controller import Controller, Grant, Rights
from components.shapes.labels import labels
from components.shapes.owner import Owner
from components.versions import upstream_version

PORT = 8080
PROJECT = "prometheus-operator"
MODULE = "github.com/prometheus-operator/prometheus-operator"
# If one of these is missing, the operator waits for its caches indefinitely. It does not need the definitions
# of agents, Thanos and scrape configurations.
_DEFINITIONS = (
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheuses",
    "prometheusrules",
    "servicemonitors",
)
# spec, a list in it and the fields of an item; pods, volumes and receiver settings are further down.
_SCHEMA_LEVELS = 3
# Outside its namespace the operator may only read.
_CLUSTER_WIDE = {"namespaces", "nodes", "storageclasses"}


@dataclass(frozen=True, kw_only=True)
class PrometheusOperatorArgs:
    """Inputs of `PrometheusOperator`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default; the operator sees no other."""
    image: str
    """Image of the operator."""
    reloader_image: str
    """Image of the side-car that reloads changed configuration in each server."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""

    def __post_init__(self) -> None:
        """Reject a missing image: the operator would run its own default."""
        if not self.reloader_image:
            raise ValueError("reloader_image: none given; name prometheus-config-reloader's image")


def definitions() -> list[manifests.Manifest]:
    """Return the custom resource definitions, with schemas down to the fields that users write."""
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
    """Return upstream's rules: first those for the namespace, then those for the cluster."""
    role = manifests.find(manifests.load(PROJECT, MODULE, "bundle.yaml"), "ClusterRole", PROJECT)
    inside: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = []
    outside: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = []
    for rule in access_rights.named_verbs(role["rules"]):
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
        self._args = args
        owner = Owner.of_product(
            self, name, args.namespace, product=PROJECT, role="operator", version=version
        )
        inside, outside = rules()
        deployed = controller.deploy(
            owner,
            Controller(
                role="server",
                name=name,
                pod=self._pod(account=name),
                policy=network_policies.controller(owner.selector, scrapers=args.scrapers, metrics_port=PORT),
                definitions=manifests.labelled(definitions(), labels(PROJECT, name, "definitions")),
                rights=Rights(
                    account=name,
                    cluster=Grant(rules=outside, name=name, resource=f"{name}-cluster"),
                    namespace=Grant(rules=inside, name=name),
                ),
            ),
        )
        # Resolved by the operator, so that the resources it reconciles are created after it.
        self.namespace = deployed.deployment.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _pod(self, account: str) -> kubernetes.core.v1.PodSpecArgsDict:
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
            # Upstream's own choice; without it the operator holds far more memory than it uses.
            env=[{"name": "GOGC", "value": "30"}],
            ports={"http": PORT},
            probe=pod_security.http_probe("/healthz", PORT),
            resources=pod_security.sizes(cpu="20m", memory="48Mi", memory_limit="256Mi"),
        )
        return server_pods.pod(container, service_account=account)
