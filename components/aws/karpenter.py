"""Karpenter: its definitions, its controller, and the queue of warnings about instances that will end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.aws.interruption_queue import InterruptionQueue, InterruptionQueueArgs
from components.aws.karpenter_rights import Scope, rights
from components.aws.pod_identity import IdentityScope, PodIdentity, PodIdentityArgs
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
from components.versions import upstream_version

ACCOUNT = "karpenter"
METRICS_PORT = 8080
POD_LABELS: Final[Mapping[str, str]] = {NAME: "karpenter"}
_HEALTH_PORT = 8081
_PROJECT = "karpenter-provider-aws"
_MODULE = "github.com/aws/karpenter-provider-aws"


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """Inputs of `Karpenter`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    identities: IdentityScope
    """The same namespace, for its identity in AWS."""
    image: str
    """Image of the controller."""
    cluster_name: str
    """Name of the EKS cluster."""
    account: str
    """AWS account of the cluster."""
    region: str
    """Region of the cluster."""
    node_role_arn: pulumi.Input[str]
    """ARN of the nodes' role."""
    node_role_name: pulumi.Input[str]
    """Name of the nodes' role."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """Pods that elect a leader."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every AWS resource."""

    def __post_init__(self) -> None:
        """Reject a Karpenter without a pod."""
        replicated_server.check(self.replicas)


def release() -> str:
    """Return Karpenter's version as its image is tagged."""
    return upstream_version(_PROJECT, _MODULE).removeprefix("v")


def cluster_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return its cluster-wide rules: upstream's own, without the kinds that are switched off."""
    read, write = ["get", "list", "watch"], ["patch", "update"]
    read_only = {
        "": [
            "events",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "podtemplates",
            "replicationcontrollers",
        ],
        "apps": ["daemonsets", "deployments", "replicasets", "statefulsets"],
        "autoscaling.x-k8s.io": ["capacitybuffers", "capacitybuffers/status"],
        "karpenter.k8s.aws": ["ec2nodeclasses"],
        "karpenter.sh": ["nodeclaims", "nodeclaims/status", "nodeoverlays", "nodepools", "nodepools/status"],
        "policy": ["poddisruptionbudgets"],
        "storage.k8s.io": ["csinodes", "storageclasses", "volumeattachments"],
    }
    changed = {
        "karpenter.k8s.aws": ["ec2nodeclasses", "ec2nodeclasses/status"],
        "karpenter.sh": ["nodeclaims", "nodeclaims/status", "nodepools", "nodepools/status"],
    }
    return [
        *({"api_groups": [group], "resources": kinds, "verbs": read} for group, kinds in read_only.items()),
        *({"api_groups": [group], "resources": kinds, "verbs": write} for group, kinds in changed.items()),
        {"api_groups": ["karpenter.sh"], "resources": ["nodeclaims"], "verbs": ["create", "delete"]},
        {"api_groups": [""], "resources": ["nodes"], "verbs": ["delete", "patch", "update"]},
        {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"api_groups": [""], "resources": ["pods"], "verbs": ["delete"]},
        {"api_groups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    ]


def namespace_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return its rules for its own namespace: leader election."""
    group, leases = ["coordination.k8s.io"], ["leases"]
    return [
        {"api_groups": group, "resources": leases, "verbs": ["create", "get", "watch"]},
        {
            "api_groups": group,
            "resources": leases,
            "resource_names": ["karpenter-leader-election"],
            "verbs": ["patch", "update"],
        },
    ]


class Karpenter(pulumi.ComponentResource):
    """Definitions, controller, its identity in AWS and its queue."""

    instance_profile: pulumi.Output[str]
    """Instance profile of its nodes; resolved by the controller, so that pools come after the definitions."""

    def __init__(self, name: str, args: KarpenterArgs, opts: ResourceOptions | None = None) -> None:
        version = release()
        super().__init__("plinth:index:Karpenter", name, {"version": version}, opts)
        self._name = name
        self._args = args
        owner = Owner.of_product(
            self, name, args.namespace, product="karpenter", role="controller", version=version
        )
        self._owner = owner
        queue = InterruptionQueue(
            f"{name}-interruptions",
            InterruptionQueueArgs(account=args.account, region=args.region, tags=args.tags),
            owner.child(),
        )
        # Created here, so that the controller needs no right to create instance profiles.
        profile = aws.iam.InstanceProfile(
            f"{name}-nodes",
            role=args.node_role_name,
            tags={"Name": f"{name}-nodes", **args.tags},
            opts=owner.child(),
        )
        upstream = manifests.load(_PROJECT, _MODULE, "pkg/apis/crds/karpenter.*.yaml")
        deployed = controller.deploy(
            owner,
            Controller(
                role="server",
                name=ACCOUNT,
                pod=self._pod(self._identity(queue), queue),
                policy=network_policies.controller(
                    owner.selector,
                    scrapers=args.scrapers,
                    metrics_port=METRICS_PORT,
                    # The AWS APIs share their port with the Kubernetes API, which is allowed.
                    outgoing=[network_policies.identity_agent()],
                ),
                definitions=manifests.labelled(manifests.without_descriptions(upstream), owner.labels),
                rights=Rights(
                    account=ACCOUNT,
                    cluster=Grant(rules=cluster_rules(), name=ACCOUNT, resource=f"{name}-cluster"),
                    namespace=Grant(rules=namespace_rules(), name=ACCOUNT),
                ),
                replicas=args.replicas,
            ),
        )
        self.instance_profile = pulumi.Output.all(profile.name, deployed.deployment.id).apply(
            lambda known: str(known[0])
        )
        self.register_outputs({"instance_profile": self.instance_profile})

    def _identity(self, queue: InterruptionQueue) -> PodIdentity:
        args = self._args
        scope = Scope(cluster_name=args.cluster_name, account=args.account, region=args.region)
        return PodIdentity(
            f"{self._name}-identity",
            PodIdentityArgs(
                scope=args.identities,
                service_account=ACCOUNT,
                statements=rights(scope, args.node_role_arn, queue.queue_arn),
                tags=args.tags,
            ),
            self._owner.child(),
        )

    def _pod(self, identity: PodIdentity, queue: InterruptionQueue) -> kubernetes.core.v1.PodSpecArgsDict:
        args = self._args
        environment: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": args.region,
            "CLUSTER_NAME": args.cluster_name,
            "FEATURE_GATES": "ReservedCapacity=true,NodeRepair=true",
            "HEALTH_PROBE_PORT": str(_HEALTH_PORT),
            "INTERRUPTION_QUEUE": queue.queue_name,
            "KARPENTER_SERVICE": ACCOUNT,
            "METRICS_PORT": str(METRICS_PORT),
            "SYSTEM_NAMESPACE": args.namespace,
        }
        container = server_pods.container(
            "controller",
            args.image,
            ["/ko-app/controller"],
            env=[
                *pod_inputs.plain_env(environment),
                pod_inputs.memory_limit_env("MEMORY_LIMIT", "controller"),
            ],
            ports={"http-metrics": METRICS_PORT, "http": _HEALTH_PORT},
            probe=pod_security.http_probe("/healthz", _HEALTH_PORT),
            resources=pod_security.sizes(cpu="250m", memory="512Mi", memory_limit="1Gi"),
        )
        return server_pods.pod(
            container,
            service_account=identity.service_account,
            priority_class="system-cluster-critical",
        )
