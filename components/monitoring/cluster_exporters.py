"""Metrics of Kubernetes objects and of every node: kube-state-metrics and the node exporter."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount

STATE_PORT = 8080
NODE_PORT = 9100
STATE = "kube-state-metrics"
NODE = "node-exporter"
_STATE_HEALTH_PORT = 8081
# Mount point at which the node exporter sees the file system of the kubelet's volumes and images.
_DISK = "/node-disk"
# API group by kind that kube-state-metrics watches; each kind costs memory for all its objects.
_KINDS = {"deployments": "apps", "nodes": "", "pods": ""}


@dataclass(frozen=True, kw_only=True)
class ClusterExportersArgs:
    """Inputs of `ClusterExporters`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    state_image: str
    """Image of kube-state-metrics."""
    node_image: str
    """Image of the node exporter."""
    state_metrics: Sequence[str]
    """Metrics of objects that are exported; all others are not even computed."""
    scrapers: tuple[network_policies.Peer, ...]
    """Pods that may scrape the metrics."""

    def __post_init__(self) -> None:
        """Reject an exporter that would export everything."""
        if not self.state_metrics:
            raise ValueError("state_metrics: none given; name those that rules and dashboards read")


def node_arguments() -> list[str]:
    """Return the node exporter's command: it measures memory, load and one disk."""
    return [
        "/usr/local/bin/node_exporter",
        f"--web.listen-address=:{NODE_PORT}",
        "--collector.disable-defaults",
        "--collector.filesystem",
        "--collector.loadavg",
        "--collector.meminfo",
        f"--collector.filesystem.mount-points-include=^{_DISK}$",
        # The disk of a node in a container is an overlay, which is excluded by default.
        "--collector.filesystem.fs-types-exclude=^$",
    ]


class ClusterExporters(pulumi.ComponentResource):
    """One kube-state-metrics, and a node exporter on every node."""

    def __init__(self, name: str, args: ClusterExportersArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"state_metrics": list(args.state_metrics)}
        super().__init__("plinth:index:ClusterExporters", name, inputs, opts)
        self._name = name
        self._args = args
        self._state()
        self._node()
        self.register_outputs({})

    def _owner(self, product: str) -> Owner:
        return Owner(
            component=f"{self._name}-{product}",
            namespace=self._args.namespace,
            labels=labels(product, self._name, "exporter"),
            selector=selector(product, self._name),
            parent=self,
        )

    def _policy(
        self, owner: Owner, product: str, port: int, *, api: bool = False
    ) -> kubernetes.networking.v1.NetworkPolicy:
        return kubernetes.networking.v1.NetworkPolicy(
            f"{owner.component}-policy",
            metadata=owner.metadata(product),
            spec=network_policies.exception(
                owner.selector,
                incoming=[network_policies.ingress(self._args.scrapers, port)],
                outgoing=[network_policies.api_server()] if api else [],
            ),
            opts=owner.child(),
        )

    def _state(self) -> None:
        owner = self._owner(STATE)
        rules: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = [
            {"api_groups": [group], "resources": [kind], "verbs": ["list", "watch"]}
            for kind, group in _KINDS.items()
        ]
        access = AccessRights(owner=owner, account=STATE)
        rights = [access.service_account(), access.in_cluster(rules, name=owner.component)]
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
            probe=pod_security.http_probe("/readyz", _STATE_HEALTH_PORT),
            resources=pod_security.sizes(cpu="10m", memory="32Mi", memory_limit="256Mi"),
        )
        kubernetes.apps.v1.Deployment(
            owner.component,
            metadata=owner.metadata(STATE),
            spec=server_pods.deployment(owner, server_pods.pod(container, service_account=STATE)),
            opts=owner.child([*rights, self._policy(owner, STATE, STATE_PORT, api=True)]),
        )

    def _node(self) -> None:
        owner = self._owner(NODE)
        container = server_pods.container(
            NODE,
            self._args.node_image,
            node_arguments(),
            ports={"metrics": NODE_PORT},
            mounts=(TMP, Mount(volume="disk", path=_DISK)),
            probe=pod_security.http_probe("/", NODE_PORT),
            resources=pod_security.sizes(cpu="10m", memory="16Mi", memory_limit="64Mi"),
        )
        # An emptyDir is on the node's disk, so no path of the node itself has to be mounted.
        pod = server_pods.pod(container, volumes=[{"name": "disk", "empty_dir": {}}])
        # Nodes with GPUs are tainted; their disks fill up as well.
        pod["tolerations"] = [{"operator": "Exists"}]
        kubernetes.apps.v1.DaemonSet(
            owner.component,
            metadata=owner.metadata(NODE),
            spec={
                "selector": {"match_labels": owner.selector},
                "template": {"metadata": {"labels": owner.labels}, "spec": pod},
            },
            opts=owner.child([self._policy(owner, NODE, NODE_PORT)]),
        )
