"""The cluster autoscaler: it grows node groups for pending pods and shrinks them when nodes are idle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.aws.pod_identity import IdentityScope, PodIdentity, PodIdentityArgs, Statement
from components.shapes import (
    controller,
    network_policies,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.controller import Controller, Grant, Rights
from components.shapes.labels import NAME
from components.shapes.owner import Owner

ACCOUNT = "cluster-autoscaler"
METRICS_PORT = 8085
POD_LABELS: Final[Mapping[str, str]] = {NAME: "cluster-autoscaler"}
# Time after which an idle node is stopped.
_IDLE_MINUTES = 10
_DISCOVERY = "k8s.io/cluster-autoscaler"


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """Inputs of `ClusterAutoscaler`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    identities: IdentityScope
    """The same namespace, for its identity in AWS."""
    image: str
    """Image of the autoscaler."""
    version: str
    """Version of the autoscaler: that of the cluster's Kubernetes minor version."""
    cluster_name: str
    """Name of the EKS cluster, whose tag marks its node groups."""
    account: str
    """AWS account of the node groups."""
    region: str
    """Region of the node groups."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """Pods that elect a leader."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every AWS resource."""

    def __post_init__(self) -> None:
        """Reject an autoscaler without a pod."""
        replicated_server.check(self.replicas)


def rights(cluster_name: str, account: str, region: str) -> tuple[Statement, ...]:
    """Return its rights in AWS: describe what it simulates with, and resize this cluster's groups alone."""
    return (
        Statement(
            actions=(
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ),
            resources=("*",),
            why_any_resource="these actions accept no resource",
        ),
        Statement(
            actions=("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"),
            resources=(f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*",),
            conditions={
                "StringEquals": {f"aws:ResourceTag/{_DISCOVERY}/{cluster_name}": "owned"},
            },
        ),
        Statement(
            actions=("eks:DescribeNodegroup",),
            resources=(f"arn:aws:eks:{region}:{account}:nodegroup/{cluster_name}/*",),
        ),
    )


def command(args: ClusterAutoscalerArgs) -> list[str]:
    """Return its command: it discovers node groups by the tags that EKS puts on them."""
    return [
        "/cluster-autoscaler",
        "--cloud-provider=aws",
        # Its lease and its status are where it has rights; by default in kube-system.
        f"--namespace={args.identities.namespace}",
        f"--node-group-auto-discovery=asg:tag={_DISCOVERY}/enabled,{_DISCOVERY}/{args.cluster_name}",
        "--balance-similar-node-groups=true",
        "--expander=least-waste",
        "--skip-nodes-with-system-pods=false",
        f"--scale-down-unneeded-time={_IDLE_MINUTES}m",
        # It gives up a GPU node that does not join by then, and tries another group.
        "--max-node-provision-time=20m",
        f"--address=:{METRICS_PORT}",
        "--v=2",
    ]


def cluster_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return its rules for the cluster: read what scheduling depends on, taint nodes and evict pods."""
    read = ["get", "list", "watch"]
    read_only = {
        "": [
            "namespaces",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "replicationcontrollers",
            "services",
        ],
        "apps": ["daemonsets", "replicasets", "statefulsets"],
        "batch": ["cronjobs", "jobs"],
        "policy": ["poddisruptionbudgets"],
        "resource.k8s.io": ["deviceclasses", "resourceclaims", "resourceslices"],
        "storage.k8s.io": [
            "csidrivers",
            "csinodes",
            "csistoragecapacities",
            "storageclasses",
            "volumeattachments",
        ],
    }
    return [
        *({"api_groups": [group], "resources": kinds, "verbs": read} for group, kinds in read_only.items()),
        {"api_groups": [""], "resources": ["nodes"], "verbs": [*read, "update"]},
        {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"api_groups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"api_groups": [""], "resources": ["pods/status"], "verbs": ["update"]},
    ]


def namespace_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return its rules for its own namespace: leader election and its status."""
    return [
        {"api_groups": [""], "resources": ["configmaps"], "verbs": ["create", "list", "watch"]},
        {
            "api_groups": [""],
            "resources": ["configmaps"],
            "resource_names": ["cluster-autoscaler-status"],
            "verbs": ["delete", "get", "update"],
        },
        {"api_groups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "api_groups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resource_names": ["cluster-autoscaler"],
            "verbs": ["get", "update"],
        },
    ]


class ClusterAutoscaler(pulumi.ComponentResource):
    """The autoscaler, its identity in AWS and its rights in the cluster."""

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:ClusterAutoscaler", name, {"version": args.version}, opts)
        self._args = args
        owner = Owner.of_product(
            self, name, args.namespace, product="cluster-autoscaler", role="controller", version=args.version
        )
        identity = PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                scope=args.identities,
                service_account=ACCOUNT,
                statements=rights(args.cluster_name, args.account, args.region),
                tags=args.tags,
            ),
            owner.child(),
        )
        controller.deploy(
            owner,
            Controller(
                role="server",
                name=ACCOUNT,
                pod=self._pod(identity),
                policy=network_policies.controller(
                    owner.selector,
                    scrapers=args.scrapers,
                    metrics_port=METRICS_PORT,
                    # The AWS APIs share their port with the Kubernetes API, which is allowed.
                    outgoing=[network_policies.identity_agent()],
                ),
                rights=Rights(
                    account=ACCOUNT,
                    cluster=Grant(rules=cluster_rules(), name=ACCOUNT, resource=f"{name}-cluster"),
                    namespace=Grant(rules=namespace_rules(), name=ACCOUNT),
                ),
                replicas=args.replicas,
            ),
        )
        self.register_outputs({})

    def _pod(self, identity: PodIdentity) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            "cluster-autoscaler",
            self._args.image,
            command(self._args),
            env=pod_inputs.plain_env({"AWS_REGION": self._args.region}),
            ports={"http": METRICS_PORT},
            probe=pod_security.http_probe("/health-check", METRICS_PORT),
            resources=pod_security.sizes(cpu="100m", memory="300Mi", memory_limit="1Gi"),
        )
        return server_pods.pod(
            container,
            service_account=identity.service_account,
            priority_class="system-cluster-critical",
        )
