"""Karpenter: its definitions, its controller, and the queue that warns of instances that are about to go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import images, manifests
from components.aws.interruption_queue import InterruptionQueue, InterruptionQueueArgs
from components.aws.karpenter_rights import Scope, rights
from components.aws.pod_identity import PodIdentity, PodIdentityArgs
from components.shapes import network_policies, pod_inputs, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import upstream_version

ACCOUNT = "karpenter"
_METRICS_PORT = 8080
_HEALTH_PORT = 8081
_PROJECT = "karpenter-provider-aws"
_MODULE = "github.com/aws/karpenter-provider-aws"


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """What Karpenter needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    cluster_name: str
    """The EKS cluster."""
    account: str
    """Its account."""
    region: str
    """Its region."""
    node_role_arn: pulumi.Input[str]
    """The role of the nodes."""
    node_role_name: pulumi.Input[str]
    """The role's name."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource of AWS."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""


def cluster_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what it may do in the cluster: upstream's own rules, without the kinds that are switched off."""
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
    """Return what it may do in its own namespace: elect a leader."""
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
    """What its nodes start with; taken from the definitions too, so that pools come after them."""

    def __init__(self, name: str, args: KarpenterArgs, opts: ResourceOptions | None = None) -> None:
        self._release = upstream_version(_PROJECT, _MODULE).removeprefix("v")
        super().__init__("plinth:index:Karpenter", name, {"version": self._release}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {
            **labels("karpenter", name, "controller", version=self._release),
            **args.extra_labels,
        }
        self._selector = selector("karpenter", name)
        definitions = self._definitions()
        queue = InterruptionQueue(
            f"{name}-interruptions",
            InterruptionQueueArgs(account=args.account, region=args.region, tags=args.tags),
            self._child,
        )
        identity = self._identity(queue)
        # A profile of ours: the controller then needs no right to make any.
        profile = aws.iam.InstanceProfile(
            f"{name}-nodes",
            role=args.node_role_name,
            tags={"Name": f"{name}-nodes", **args.tags},
            opts=self._child,
        )
        server = self._server(identity, queue, [definitions, *self._rights(), self._network_policy()])
        self.instance_profile = pulumi.Output.all(profile.name, server.id).apply(lambda known: str(known[0]))
        self.register_outputs({"instance_profile": self.instance_profile})

    def _metadata(self) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": ACCOUNT, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        found = manifests.load(_PROJECT, _MODULE, "pkg/apis/crds/karpenter.*.yaml")
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(manifests.without_descriptions(found), self._labels)),
            opts=self._child,
        )

    def _identity(self, queue: InterruptionQueue) -> PodIdentity:
        args = self._args
        scope = Scope(cluster_name=args.cluster_name, account=args.account, region=args.region)
        return PodIdentity(
            f"{self._name}-identity",
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=args.namespace,
                service_account=ACCOUNT,
                statements=rights(scope, args.node_role_arn, queue.queue_arn),
                tags=args.tags,
            ),
            self._child,
        )

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
        scrapers = self._args.scrapers
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress(scrapers, _METRICS_PORT)] if scrapers else [],
                # The port of the Kubernetes API is also that of every API of AWS.
                outgoing=[network_policies.api_server(), network_policies.identity_agent()],
            ),
            opts=self._child,
        )

    def _server(
        self, identity: PodIdentity, queue: InterruptionQueue, after: list[pulumi.Resource]
    ) -> kubernetes.apps.v1.Deployment:
        args = self._args
        environment: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": args.region,
            "CLUSTER_NAME": args.cluster_name,
            "FEATURE_GATES": "ReservedCapacity=true,NodeRepair=true",
            "HEALTH_PROBE_PORT": str(_HEALTH_PORT),
            "INTERRUPTION_QUEUE": queue.queue_name,
            "KARPENTER_SERVICE": ACCOUNT,
            "METRICS_PORT": str(_METRICS_PORT),
            "SYSTEM_NAMESPACE": args.namespace,
        }
        container = server_pods.container(
            "controller",
            images.published("karpenter", self._release),
            ["/ko-app/controller"],
            env=pod_inputs.plain_env(environment),
            ports={"http-metrics": _METRICS_PORT, "http": _HEALTH_PORT},
            probe=pod_security.http_probe("/healthz", _HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="250m", memory="512Mi", memory_limit="1Gi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec=server_pods.deployment(
                selector=self._selector,
                labels=self._labels,
                container=container,
                service_account=identity.service_account,
                priority_class="system-cluster-critical",
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )
