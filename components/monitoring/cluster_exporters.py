"""The state of Kubernetes objects and of every node as metrics: kube-state-metrics and the node exporter."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector

STATE_PORT = 8080
NODE_PORT = 9100
STATE = "kube-state-metrics"
NODE = "node-exporter"
_STATE_HEALTH_PORT = 8081
# Where the node exporter sees the file system that the kubelet keeps volumes and images on.
_DISK = "/node-disk"
# Kind -> API group of what kube-state-metrics watches; each kind costs memory for all its objects.
_KINDS = {"deployments": "apps", "nodes": "", "pods": ""}


@dataclass(frozen=True, kw_only=True)
class ClusterExportersArgs:
    """What the exporters need to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    state_image: str
    """kube-state-metrics."""
    node_image: str
    """The node exporter."""
    state_metrics: Sequence[str]
    """The metrics of objects that are made at all."""
    scrapers: tuple[network_policies.Peer, ...]
    """Who may read the metrics."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse an exporter that exports everything."""
        if not self.state_metrics:
            raise ValueError("state_metrics: none given; name those that rules and dashboards read")


def node_arguments() -> list[str]:
    """Return the node exporter's command line: memory, load and one disk."""
    return [
        "/usr/local/bin/node_exporter",
        f"--web.listen-address=:{NODE_PORT}",
        "--collector.disable-defaults",
        "--collector.filesystem",
        "--collector.loadavg",
        "--collector.meminfo",
        f"--collector.filesystem.mount-points-include=^{_DISK}$",
        # A node in a container has its disk on an overlay, which is left out otherwise.
        "--collector.filesystem.fs-types-exclude=^$",
    ]


class ClusterExporters(pulumi.ComponentResource):
    """kube-state-metrics once, a node exporter on every node."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterExportersArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"state_metrics": list(args.state_metrics)}
        super().__init__("plinth:index:ClusterExporters", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        state = self._state([*self._rights(), self._policy(STATE, STATE_PORT, api=True)])
        node = self._node([self._policy(NODE, NODE_PORT)])
        ready = pulumi.Output.all(state.metadata["namespace"], node.metadata["namespace"])
        self.namespace = ready.apply(lambda known: str(known[0]))
        self.register_outputs({"namespace": self.namespace})

    def _labels(self, product: str) -> dict[str, str]:
        return {**labels(product, self._name, "exporter"), **self._args.extra_labels}

    def _metadata(self, product: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": product, "namespace": self._args.namespace, "labels": self._labels(product)}

    def _policy(
        self, product: str, port: int, *, api: bool = False
    ) -> kubernetes.networking.v1.NetworkPolicy:
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-{product}-policy",
            metadata=self._metadata(product),
            spec=network_policies.exception(
                selector(product, self._name),
                incoming=[network_policies.ingress(self._args.scrapers, port)],
                outgoing=[network_policies.api_server()] if api else [],
            ),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        name = f"{self._name}-{STATE}"
        rules: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = [
            {"api_groups": [group], "resources": [kind], "verbs": ["list", "watch"]}
            for kind, group in _KINDS.items()
        ]
        access = AccessRights(
            component=name,
            account=STATE,
            namespace=self._args.namespace,
            labels=self._labels(STATE),
            parent=self,
        )
        return [access.service_account(), access.in_cluster(rules, name=name)]

    def _state(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            STATE,
            self._args.state_image,
            [
                "/usr/local/bin/kube-state-metrics",
                f"--port={STATE_PORT}",
                f"--telemetry-port={_STATE_HEALTH_PORT}",
                f"--resources={','.join(sorted(_KINDS))}",
                f"--metric-allowlist={','.join(sorted(self._args.state_metrics))}",
            ],
            ports={"metrics": STATE_PORT, "health": _STATE_HEALTH_PORT},
            probe=pod_security.http_probe("/readyz", _STATE_HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="10m", memory="32Mi", memory_limit="256Mi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-{STATE}",
            metadata=self._metadata(STATE),
            spec=server_pods.deployment(
                selector=selector(STATE, self._name),
                labels=self._labels(STATE),
                container=container,
                service_account=STATE,
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _node(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.DaemonSet:
        container = server_pods.container(
            NODE,
            self._args.node_image,
            node_arguments(),
            ports={"metrics": NODE_PORT},
            mounts={"disk": _DISK},
            probe=pod_security.http_probe("/", NODE_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="10m", memory="16Mi", memory_limit="64Mi"),
        )
        # A pod's empty folder lies on the node's disk: no path of the node itself is mounted.
        pod = server_pods.pod(container, volumes=[{"name": "disk", "empty_dir": {}}])
        # Nodes with GPUs are tainted; their disks fill as well.
        pod["tolerations"] = [{"operator": "Exists"}]
        return kubernetes.apps.v1.DaemonSet(
            f"{self._name}-{NODE}",
            metadata=self._metadata(NODE),
            spec={
                "selector": {"match_labels": selector(NODE, self._name)},
                "template": {"metadata": {"labels": self._labels(NODE)}, "spec": pod},
            },
            opts=ResourceOptions(parent=self, depends_on=after),
        )
