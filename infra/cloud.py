"""AWS resources around a stack on EKS; only such stacks import it, as the SDK costs a second and 80 MB."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.access.gateway import LoadBalancer
from components.aws.block_storage import BlockStorage, BlockStorageArgs
from components.aws.databases.rds_authorities import authority
from components.aws.databases.rds_instance import RdsServer
from components.aws.ecr_repositories import EcrRepositories, EcrRepositoriesArgs
from components.aws.eks_cluster import EksCluster, EksClusterArgs
from components.aws.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.aws.monthly_budget import MonthlyBudget, MonthlyBudgetArgs
from components.aws.network_plan import INTERFACE_ENDPOINTS
from components.aws.node_group import GroupSize
from components.aws.pod_identity import IdentityScope, PodIdentity, PodIdentityArgs, Statement
from components.aws.vpc import Vpc, VpcArgs
from components.connections import ClusterConnection
from infra import group_sizes, kubernetes_provider
from infra.errors import SettingsError
from infra.parts.records import ManagedDatabase
from infra.settings.cluster import EksSettings
from infra.settings.sections import gib
from infra.settings.stack import GatewaySettings, Settings
from infra.settings.storage import ApplyChanges


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Network and cluster of a stack on AWS, and shared inputs of what else it creates there."""

    settings: Settings
    provider: aws.Provider
    eks: EksSettings
    opts: ResourceOptions
    """Options of components that can be recreated."""
    keep: ResourceOptions
    """Options of components that hold data."""
    vpc: Vpc
    cluster: EksCluster
    connection: ClusterConnection
    log_key_arn: pulumi.Output[str]
    """Key of all logs."""
    sizes: Mapping[str, GroupSize]
    """Sizes that node groups have now, by Pulumi name."""
    tags: Mapping[str, str]

    def repositories(self, images: Sequence[str]) -> EcrRepositories:
        """Create an ECR repository for each of these images."""
        return EcrRepositories(
            "images",
            EcrRepositoriesArgs(
                prefix=self.eks.name,
                images=images,
                kms_key_arn=self.key("images", "Images").arn,
                deletable=not self.settings.protect,
                tags=self.tags,
            ),
            self.keep,
        )

    def volumes(self) -> BlockStorage:
        """Create the default storage class."""
        policy = "Retain" if self.settings.protect else "Delete"
        return BlockStorage("volumes", BlockStorageArgs(reclaim_policy=policy), self.in_cluster)

    def identities(self, namespace: str) -> IdentityScope:
        """Return where service accounts of a namespace get identities in AWS."""
        return IdentityScope(cluster_name=self.cluster.cluster_name, namespace=namespace)

    def metrics_writer(self, namespace: str, account: str, url: str) -> PodIdentity:
        """Create the identity with which Prometheus writes to Amazon Managed Service for Prometheus."""
        return PodIdentity(
            "metrics-writer",
            PodIdentityArgs(
                scope=self.identities(namespace),
                service_account=account,
                statements=(
                    Statement(
                        actions=("aps:RemoteWrite",), resources=(workspace_arn(url, self.eks.account),)
                    ),
                ),
                tags=self.tags,
            ),
            self.opts,
        )

    def load_balancer(self) -> LoadBalancer:
        """Return the settings of the load balancer in front of the gateway."""
        return load_balancer(self.settings.gateway)

    @property
    def in_cluster(self) -> ResourceOptions:
        """Options of components that create objects in the cluster only."""
        return ResourceOptions(provider=self.connection.provider)

    @property
    def everywhere(self) -> ResourceOptions:
        """Options of components that create objects in the cluster and on AWS."""
        return ResourceOptions(providers=[self.provider, self.connection.provider])

    def database_server(self, database: ManagedDatabase) -> RdsServer:
        """Return the inputs of an RDS database server; the key's name starts with the database's."""
        rds = self.settings.storage.rds
        return RdsServer(
            identifier=database.identifier(self.eks.name),
            vpc_id=self.vpc.vpc_id,
            subnet_ids=self.vpc.private_subnet_ids,
            client_security_group_ids=(self.cluster.node_security_group_id,),
            kms_key_arn=self.key(f"{database.name}-database", f"The database of {database.name}").arn,
            log_key_arn=self.log_key_arn,
            authorities=authority(self.eks.region),
            instance_class=database.instance_class,
            storage_gib=gib(database.size),
            multi_az=database.multi_az,
            deletion_protection=self.settings.protect,
            backup_days=rds.backup_days,
            log_days=self.eks.log_days,
            apply_immediately=rds.apply_changes is ApplyChanges.NOW,
            major_upgrades=rds.major_upgrades,
            tags=self.tags,
        )

    def key(self, name: str, description: str) -> EncryptionKey:
        """Create a customer-managed KMS key for one kind of data."""
        return EncryptionKey(
            f"{name}-key",
            EncryptionKeyArgs(
                account=self.eks.account, description=f"{description} of {self.eks.name}", tags=self.tags
            ),
            self.keep,
        )


def workspace_arn(url: str, account: str) -> str:
    """Return the workspace of Amazon's managed Prometheus that an address of remote write belongs to."""
    found = re.fullmatch(r"https://aps-workspaces\.([a-z0-9-]+)\.amazonaws\.com/workspaces/([\w-]+)/.+", url)
    if not found:
        raise SettingsError(
            f"plinth:monitoring.remoteWrite.url is {url}; with a region it must be that of a workspace: "
            "https://aps-workspaces.REGION.amazonaws.com/workspaces/ID/api/v1/remote_write"
        )
    region, workspace = found.groups()
    return f"arn:aws:aps:{region}:{account}:workspace/{workspace}"


def load_balancer(gateway: GatewaySettings) -> LoadBalancer:
    """Return a load balancer that is inside the network unless the settings let someone in from outside."""
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    annotations = {
        f"{prefix}-type": "nlb",
        f"{prefix}-internal": str(not gateway.public).lower(),
        f"{prefix}-cross-zone-load-balancing-enabled": "true",
    }
    if gateway.certificate_arn:
        annotations |= {
            f"{prefix}-ssl-cert": gateway.certificate_arn,
            f"{prefix}-ssl-ports": "443",
            f"{prefix}-ssl-negotiation-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        }
    return LoadBalancer(
        annotations=annotations,
        # The cloud controller never moves a load balancer between the VPC and the internet.
        lasting=(f"{prefix}-internal",),
        source_cidrs=gateway.source_cidrs,
        tls=gateway.certificate_arn is not None,
    )


def connect(settings: Settings, eks: EksSettings) -> Cloud:
    """Make the network and the cluster."""
    tags = {"plinth:stack": eks.name, "plinth:environment": settings.environment.value}
    provider = aws.Provider(
        eks.name,
        region=eks.region,
        # Credentials of another account would make a second platform there, without a word.
        allowed_account_ids=[eks.account],
        default_tags={"tags": {**tags, "plinth:managed-by": "pulumi"}},
    )
    opts = ResourceOptions(provider=provider)
    keep = ResourceOptions(provider=provider, protect=settings.protect, retain_on_delete=settings.protect)
    if settings.budget is not None:
        limit, email = settings.budget.monthly, settings.budget.email
        MonthlyBudget("budget", MonthlyBudgetArgs(limit_usd=limit, email=email, tags=tags), opts)
    logs = EncryptionKey(
        "logs-key",
        EncryptionKeyArgs(
            account=eks.account, description=f"Logs of {eks.name}", logs_region=eks.region, tags=tags
        ),
        keep,
    )
    vpc = Vpc("network", _network(eks, logs.arn, tags), opts)
    sizes = group_sizes.find(eks.name, pulumi.InvokeOptions(provider=provider))
    cluster = EksCluster("eks", _cluster(settings, eks, vpc, logs.arn, sizes, tags), keep)
    kube = kubernetes_provider.make(eks.name, kubeconfig=cluster.kubeconfig)
    return Cloud(
        settings=settings,
        eks=eks,
        provider=provider,
        opts=opts,
        keep=keep,
        vpc=vpc,
        cluster=cluster,
        connection=ClusterConnection(provider=kube, name=eks.name),
        log_key_arn=logs.arn,
        sizes=sizes,
        tags=tags,
    )


def _network(eks: EksSettings, log_key_arn: pulumi.Input[str], tags: Mapping[str, str]) -> VpcArgs:
    return VpcArgs(
        cidr=eks.network.cidr,
        availability_zones=eks.availability_zones,
        account=eks.account,
        region=eks.region,
        cluster_name=eks.name,
        log_key_arn=log_key_arn,
        nat=eks.network.nat.value,
        interface_endpoints=INTERFACE_ENDPOINTS if eks.network.private_endpoints else (),
        log_days=eks.log_days,
        tags=tags,
    )


def _cluster(
    settings: Settings,
    eks: EksSettings,
    vpc: Vpc,
    log_key_arn: pulumi.Input[str],
    sizes: Mapping[str, GroupSize],
    tags: Mapping[str, str],
) -> EksClusterArgs:
    pool = eks.system_pool
    return EksClusterArgs(
        cluster_name=eks.name,
        account=eks.account,
        region=eks.region,
        kubernetes_version=eks.kubernetes_version,
        addons=eks.addon_versions,
        subnet_ids=vpc.private_subnet_ids,
        administrators=eks.administrators,
        log_key_arn=log_key_arn,
        public_cidrs=eks.endpoint.public_cidrs,
        system_instance_types=pool.instance_types,
        system_capacity_type=pool.capacity_type.value,
        system_min_nodes=pool.min,
        system_max_nodes=pool.max,
        sizes=sizes,
        system_disk_gib=pool.disk_gib,
        ami_release=eks.ami_release,
        log_days=eks.log_days,
        deletion_protection=settings.protect,
        tags=tags,
    )
