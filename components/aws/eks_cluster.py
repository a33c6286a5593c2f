"""An EKS cluster: private control plane, encrypted secrets, system nodes for the platform, and add-ons."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import service_role
from components.aws.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.aws.node_group import CapacityType, GroupSize, NodeGroup, NodeGroupArgs
from components.aws.pod_identity import trust_policy
from components.aws.service_role import ServiceRole
from components.gpus.gpu_pools import TOLERATION

_LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ADMINISTRATOR: Final = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_NODE_POLICIES: Final = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    # A shell on a node that does not join, by Session Manager: nodes have no SSH and no way in.
    "AmazonSSMManagedInstanceCore",
)
# Before the nodes: they need a network to join, and the pods of add-ons need their identities.
_BEFORE_NODES: Final = ("eks-pod-identity-agent", "vpc-cni", "kube-proxy")
# The last reports faulty GPUs to EKS and Karpenter, which repair or replace the node.
_AFTER_NODES: Final = ("coredns", "aws-ebs-csi-driver", "eks-node-monitoring-agent")
_SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    # Without it network policies are accepted but not enforced.
    "vpc-cni": {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}},
    # By default only the agent is on GPU nodes. Without this server it takes all GPUs for faulty, and healthy
    # nodes are replaced.
    "eks-node-monitoring-agent": {"dcgmAgent": {"tolerations": [dict(TOLERATION)]}},
}
# Service account and managed policy by add-on.
_IDENTITIES: Final[Mapping[str, tuple[str, str]]] = {
    "vpc-cni": ("aws-node", "AmazonEKS_CNI_Policy"),
    # Volumes and nodes of this cluster alone, by their tags; the driver tags what it creates from 1.58 on.
    "aws-ebs-csi-driver": ("ebs-csi-controller-sa", "AmazonEBSCSIDriverEKSClusterScopedPolicy"),
}


@dataclass(frozen=True, kw_only=True)
class EksClusterArgs:
    """Inputs of `EksCluster`."""

    cluster_name: str
    """Name in the AWS account."""
    account: str
    """AWS account, which administers the KMS keys."""
    region: str
    """Region of the cluster."""
    kubernetes_version: str
    """Minor version, such as `1.36`."""
    addons: Mapping[str, str]
    """Version by add-on, for that Kubernetes version."""
    subnet_ids: pulumi.Input[list[str]]
    """Private subnets in at least two zones."""
    administrators: tuple[str, ...]
    """IAM roles or users with full access; the deploying role must be one of them."""
    log_key_arn: pulumi.Input[str]
    """KMS key of the control plane's logs."""
    public_cidrs: tuple[str, ...] = ()
    """Networks that may call the Kubernetes API from the internet; by default none."""
    system_instance_types: tuple[str, ...] = ("m7i.xlarge",)
    """Instance types of the system nodes."""
    system_capacity_type: CapacityType = "ON_DEMAND"
    """How the system nodes are bought."""
    system_min_nodes: int = 2
    """Smallest number of system nodes."""
    system_max_nodes: int = 4
    """Largest number of system nodes."""
    sizes: Mapping[str, GroupSize] = field(default_factory=dict[str, GroupSize])
    """Sizes that the cluster's node groups have now, by Pulumi name."""
    system_disk_gib: int = 100
    """Size of each system node's volume."""
    ami_release: str | None = None
    """Release of the nodes' AMI; by default the newest when they are created."""
    log_days: int = 30
    """Days for which logs of the control plane are kept."""
    deletion_protection: bool = True
    """Whether EKS refuses to delete the cluster."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject clusters that nobody could reach or that would lack add-ons."""
        if not self.administrators:
            raise ValueError(
                "administrators: none given; name the deploying role, or nobody can reach the cluster"
            )
        if "0.0.0.0/0" in self.public_cidrs:
            raise ValueError("public_cidrs: 0.0.0.0/0 is everyone; name networks, or leave it out")
        missing = sorted({*_BEFORE_NODES, *_AFTER_NODES} - self.addons.keys())
        if missing:
            raise ValueError(f"addons: no version of {', '.join(missing)}; give one")


def kubeconfig(name: str, region: str, endpoint: str, authority: str) -> str:
    """Return a kubeconfig without credentials: the AWS CLI fetches a token for its user."""
    arguments = ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"]
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": arguments,
            "interactiveMode": "Never",
        }
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(content, sort_keys=True)


class EksCluster(pulumi.ComponentResource):
    """Control plane, access, system nodes and add-ons."""

    cluster_name: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    node_security_group_id: pulumi.Output[str]
    """Security group that EKS makes, with rules by which its members reach each other, over EFA too."""
    node_role_arn: pulumi.Output[str]
    node_role_name: pulumi.Output[str]

    def __init__(self, name: str, args: EksClusterArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"cluster_name": args.cluster_name, "kubernetes_version": args.kubernetes_version}
        super().__init__("plinth:index:EksCluster", name, inputs, opts)
        self._name = name
        self._args = args
        self._kept = ResourceOptions(parent=self)
        # Nodes, access and add-ons can be created again: the cluster's protection must not block a change.
        self._child = ResourceOptions(parent=self, protect=False, retain_on_delete=False)
        self._cluster = self._control_plane()
        self.node_security_group_id = self._cluster.vpc_config.apply(
            lambda known: str(known.cluster_security_group_id)
        )
        access = [self._administrator(number, arn) for number, arn in enumerate(args.administrators)]
        node_role = self._role("node", service_role.trust("ec2.amazonaws.com"), _NODE_POLICIES)
        early = [self._addon(each, []) for each in _BEFORE_NODES]
        nodes = self._system_nodes(node_role, [*early])
        late = [self._addon(each, [nodes]) for each in _AFTER_NODES]
        self.cluster_name = self._cluster.name
        self.node_role_arn, self.node_role_name = node_role.arn, node_role.name
        # Resolved by everything above: no object is created before access is granted and nodes can run it.
        ready = pulumi.Output.all(*(each.id for each in (*access, *early, *late)), nodes.node_group_name)
        known = pulumi.Output.all(self._cluster.endpoint, self._cluster.certificate_authority, ready)
        self.kubeconfig = pulumi.Output.secret(
            known.apply(lambda values: self._kubeconfig(values[0], values[1]))
        )
        self.register_outputs({"cluster_name": self.cluster_name})

    def _kubeconfig(self, endpoint: str, authority: Any) -> str:
        return kubeconfig(self._args.cluster_name, self._args.region, endpoint, authority["data"])

    def _tags(self, role: str) -> dict[str, str]:
        return {"Name": f"{self._args.cluster_name}-{role}", **self._args.tags}

    def _role(
        self, role: str, trust: str, policies: Sequence[str], opts: ResourceOptions | None = None
    ) -> ServiceRole:
        named = {f"{self._name}-{role}-{policy.rpartition('/')[2]}": policy for policy in policies}
        return service_role.deploy(
            f"{self._name}-{role}-role", trust, named, tags=self._tags(role), opts=opts or self._child
        )

    def _control_plane(self) -> aws.eks.Cluster:
        args = self._args
        trusted = service_role.trust("eks.amazonaws.com", tags_session=True)
        role = self._role("control-plane", trusted, ("AmazonEKSClusterPolicy",), self._kept)
        key = EncryptionKey(
            f"{self._name}-secrets",
            EncryptionKeyArgs(
                account=args.account,
                description=f"Secrets in the Kubernetes API of {args.cluster_name}",
                tags=args.tags,
            ),
            self._kept,
        )
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-logs",
            # EKS logs to this group; if EKS created it, logs would be unencrypted and never expire.
            name=f"/aws/eks/{args.cluster_name}/cluster",
            kms_key_id=args.log_key_arn,
            retention_in_days=args.log_days,
            tags=self._tags("logs"),
            opts=self._kept,
        )
        return aws.eks.Cluster(
            f"{self._name}-control-plane",
            name=args.cluster_name,
            version=args.kubernetes_version,
            role_arn=role.arn,
            vpc_config={
                "subnet_ids": args.subnet_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": bool(args.public_cidrs),
                "public_access_cidrs": [*args.public_cidrs] or None,
            },
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": False,
            },
            # Add-ons are installed below with pinned versions; these would be unpinned.
            bootstrap_self_managed_addons=False,
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=[*_LOG_TYPES],
            upgrade_policy={"support_type": "STANDARD"},
            deletion_protection=args.deletion_protection,
            # Pods with few GPUs are packed, so that whole nodes stay free for pods with many.
            kube_scheduler_config={
                "node_resources_fit": {
                    "scoring_strategy": {
                        "type": "MostAllocated",
                        "resources": [
                            {"name": "nvidia.com/gpu", "weight": 10},
                            {"name": "cpu", "weight": 1},
                            {"name": "memory", "weight": 1},
                        ],
                    }
                }
            },
            tags=self._tags("control-plane"),
            opts=ResourceOptions(parent=self, depends_on=[logs]),
        )

    def _administrator(self, number: int, arn: str) -> pulumi.CustomResource:
        # By name, not by number: reordering changes nothing.
        role = arn.rpartition("/")[2] or str(number)
        entry = aws.eks.AccessEntry(
            f"{self._name}-access-{role}",
            cluster_name=self._cluster.name,
            principal_arn=arn,
            type="STANDARD",
            tags=self._tags("access"),
            opts=self._child,
        )
        return aws.eks.AccessPolicyAssociation(
            f"{self._name}-access-{role}-administrator",
            cluster_name=self._cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=_ADMINISTRATOR,
            access_scope={"type": "cluster"},
            opts=self._child,
        )

    def _addon(self, addon: str, after: list[pulumi.Resource]) -> aws.eks.Addon:
        identity = self._identity(addon)
        values = _SETTINGS.get(addon)
        return aws.eks.Addon(
            f"{self._name}-{addon}",
            cluster_name=self._cluster.name,
            addon_name=addon,
            addon_version=self._args.addons[addon],
            configuration_values=json.dumps(values, sort_keys=True) if values else None,
            pod_identity_associations=[identity] if identity else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._tags(addon),
            opts=ResourceOptions.merge(self._child, ResourceOptions(depends_on=after)),
        )

    def _identity(self, addon: str) -> aws.eks.AddonPodIdentityAssociationArgsDict | None:
        if addon not in _IDENTITIES:
            return None
        account, policy = _IDENTITIES[addon]
        trust = trust_policy(self._args.cluster_name, "kube-system", account)
        return {"role_arn": self._role(addon, trust, (policy,)).arn, "service_account": account}

    def _system_nodes(self, role: ServiceRole, after: list[pulumi.Resource]) -> NodeGroup:
        args = self._args
        return NodeGroup(
            f"{self._name}-system",
            NodeGroupArgs(
                cluster_name=self._cluster.name,
                node_role_arn=role.arn,
                subnet_ids=args.subnet_ids,
                kubernetes_version=args.kubernetes_version,
                ami_type="AL2023_x86_64_STANDARD",
                ami_release=args.ami_release,
                instance_types=args.system_instance_types,
                capacity_type=args.system_capacity_type,
                min_nodes=args.system_min_nodes,
                max_nodes=args.system_max_nodes,
                sizes=args.sizes,
                disk_gib=args.system_disk_gib,
                labels={"plinth.dev/node-pool": "system"},
                tags=args.tags,
                after=tuple(after),
            ),
            self._child,
        )
