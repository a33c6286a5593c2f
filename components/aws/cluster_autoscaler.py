"""The cluster autoscaler: node groups grow for pods that wait, and shrink again when they are gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import images
from components.aws.pod_identity import PodIdentity, PodIdentityArgs, Statement
from components.shapes import network_policies, pod_inputs, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector

ACCOUNT = "cluster-autoscaler"
_PORT = 8085
_DISCOVERY = "k8s.io/cluster-autoscaler"


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """What the autoscaler needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    version: str
    """Of the Kubernetes minor version of the cluster."""
    cluster_name: str
    """The EKS cluster, by whose tag it finds node groups."""
    account: str
    """The account of the node groups."""
    region: str
    """The region of the node groups."""
    idle_minutes: int = 10
    """How long a node that is not needed is kept."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource of AWS."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse what would stop nodes under running pods' feet."""
        if self.idle_minutes < 1:
            raise ValueError(f"idle_minutes: {self.idle_minutes}; give at least 1")


def rights(cluster_name: str, account: str, region: str) -> tuple[Statement, ...]:
    """Return what it may do: look at everything it counts with, and resize this cluster's groups alone."""
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
            why_any_resource="these actions know no resources",
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
    """Return its command line: groups are found by the tags that EKS puts on them."""
    return [
        "/cluster-autoscaler",
        "--cloud-provider=aws",
        f"--node-group-auto-discovery=asg:tag={_DISCOVERY}/enabled,{_DISCOVERY}/{args.cluster_name}",
        "--balance-similar-node-groups=true",
        "--expander=least-waste",
        "--skip-nodes-with-system-pods=false",
        f"--scale-down-unneeded-time={args.idle_minutes}m",
        # A GPU node that never joins is given up, and another group tried.
        "--max-node-provision-time=20m",
        f"--address=:{_PORT}",
        "--v=2",
    ]


def cluster_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what it may read to simulate scheduling, and how it marks and empties nodes."""
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
    """Return what it may do in its own namespace: elect a leader, and tell its state."""
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
    """One server, its identity in AWS and its rights in the cluster."""

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:ClusterAutoscaler", name, {"version": args.version}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {
            **labels("cluster-autoscaler", name, "controller", version=args.version),
            **args.extra_labels,
        }
        self._selector = selector("cluster-autoscaler", name)
        identity = PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=args.namespace,
                service_account=ACCOUNT,
                statements=rights(args.cluster_name, args.account, args.region),
                tags=args.tags,
            ),
            self._child,
        )
        self._server(identity.service_account, [*self._rights(), self._network_policy()])
        self.register_outputs({})

    def _metadata(self, name: str = ACCOUNT) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": name, "namespace": self._args.namespace, "labels": self._labels}

    def _rights(self) -> list[pulumi.Resource]:
        access = AccessRights(
            component=self._name,
            account=ACCOUNT,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [
            access.service_account(),
            access.in_cluster(cluster_rules(), name=ACCOUNT, resource=f"{self._name}-cluster"),
            access.in_namespace(namespace_rules(), name=ACCOUNT),
        ]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector,
                # The port of the Kubernetes API is also that of every API of AWS.
                outgoing=[network_policies.api_server(), network_policies.identity_agent()],
            ),
            opts=self._child,
        )

    def _server(self, account: pulumi.Output[str], after: list[pulumi.Resource]) -> None:
        container = server_pods.container(
            "cluster-autoscaler",
            images.published("cluster-autoscaler", self._args.version),
            command(self._args),
            env=pod_inputs.plain_env({"AWS_REGION": self._args.region}),
            ports={"http": _PORT},
            probe=pod_security.http_probe("/health-check", _PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="100m", memory="300Mi", memory_limit="1Gi"),
        )
        kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec=server_pods.deployment(
                selector=self._selector,
                labels=self._labels,
                container=container,
                service_account=account,
                priority_class="system-cluster-critical",
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )
