"""What a stack on AWS is made of. Imported by such stacks alone: the SDK costs a second and 80 MB."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components import images
from components.access.gateway import LoadBalancer
from components.aws import karpenter
from components.aws.block_storage import BlockStorage, BlockStorageArgs
from components.aws.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.ecr_repositories import EcrRepositories, EcrRepositoriesArgs
from components.aws.eks_cluster import EksCluster, EksClusterArgs
from components.aws.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.aws.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from components.aws.karpenter import Karpenter, KarpenterArgs
from components.aws.karpenter_node_pool import KarpenterNodePool, KarpenterNodePoolArgs
from components.aws.network_plan import INTERFACE_ENDPOINTS
from components.aws.pod_identity import PodIdentity, PodIdentityArgs, Statement
from components.aws.rds_instance import RdsServer
from components.aws.rds_mysql import RdsMysql, RdsMysqlArgs
from components.aws.rds_postgres import RdsPostgres, RdsPostgresArgs
from components.aws.s3_object_store import S3ObjectStore, S3ObjectStoreArgs, ServiceAccount
from components.aws.vpc import Vpc, VpcArgs
from components.connections import Bucket, ClusterConnection, MysqlConnection, PostgresConnection
from components.pipelines import pipeline_steps, pipelines_api_server
from components.serving import kserve_serving
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.tracking import mlflow_tracking
from components.versions import CLUSTER_AUTOSCALER, eks_addons
from infra import gpu_sharing, kubernetes_provider
from infra.errors import SettingsError
from infra.settings.cluster import EksSettings
from infra.settings.pools import GpuPoolSettings, Provisioner
from infra.settings.sections import gib
from infra.settings.stack import GatewaySettings, Settings

_NODE_SCALING = "node-scaling"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A stack's network and cluster in AWS, and what makes its stores and pools there."""

    settings: Settings
    provider: aws.Provider
    eks: EksSettings
    opts: ResourceOptions
    """For what can be made again."""
    keep: ResourceOptions
    """For what holds data."""
    vpc: Vpc
    cluster: EksCluster
    connection: ClusterConnection
    tags: Mapping[str, str]

    def repositories(self) -> EcrRepositories:
        """Make a repository per image of ours."""
        return EcrRepositories(
            "images",
            EcrRepositoriesArgs(
                prefix=self.eks.name,
                kms_key_arn=self._key("images", "Images").arn,
                deletable=not self.settings.protect,
                tags=self.tags,
            ),
            self.keep,
        )

    def volumes(self) -> BlockStorage:
        """Make the class of volumes that claims get when they name none."""
        policy = "Retain" if self.settings.protect else "Delete"
        return BlockStorage("volumes", BlockStorageArgs(reclaim_policy=policy), self._in_cluster)

    def tracking_database(self, password: pulumi.Input[str]) -> PostgresConnection:
        """Make the database of MLflow."""
        storage = self.settings.storage
        server = self._server("tracking", storage.rds.postgres_class, storage.postgres_size)
        args = RdsPostgresArgs(server=server, database="mlflow", owner="mlflow", password=password)
        return RdsPostgres("postgres", args, self.keep).connection

    def pipelines_server(self, password: pulumi.Input[str]) -> MysqlConnection:
        """Make the server of Kubeflow Pipelines' databases, which `MysqlAccounts` makes in it."""
        storage = self.settings.storage
        server = self._server("pipelines", storage.rds.pipelines_class, storage.pipelines_database_size)
        args = RdsMysqlArgs(server=server, administrator_password=password)
        return RdsMysql("mysql", args, self.keep).connection

    def object_store(
        self, buckets: tuple[Bucket, ...], namespaces: Mapping[str, pulumi.Input[str]]
    ) -> S3ObjectStore:
        """Make the buckets, and identities of the pods that use them."""
        return S3ObjectStore(
            "object-store",
            S3ObjectStoreArgs(
                name_prefix=self.settings.bucket_prefix,
                region=self.eks.region,
                buckets=buckets,
                accounts={
                    "pipelines": (
                        ServiceAccount(namespace=namespaces["kubeflow"], name=pipeline_steps.ACCOUNT),
                        ServiceAccount(namespace=namespaces["kubeflow"], name=pipelines_api_server.SERVICE),
                    ),
                    "tracking": (
                        ServiceAccount(namespace=namespaces["mlflow"], name=mlflow_tracking.ACCOUNT),
                    ),
                    "serving": (ServiceAccount(namespace=namespaces["models"], name=kserve_serving.STORAGE),),
                },
                cluster_name=self.cluster.cluster_name,
                kms_key_arn=self._key("objects", "Objects in buckets").arn,
                deletable=not self.settings.protect,
                keep_replaced_days=self.settings.storage.s3.noncurrent_days,
                tags=self.tags,
            ),
            self.keep,
        )

    def metrics_writer(self, namespace: pulumi.Input[str], account: str, url: str) -> PodIdentity:
        """Make the identity with which Prometheus writes to a workspace of Amazon's managed service."""
        return PodIdentity(
            "metrics-writer",
            PodIdentityArgs(
                cluster_name=self.cluster.cluster_name,
                namespace=namespace,
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
        """Return what AWS is to put in front of the gateway."""
        return load_balancer(self.settings.gateway)

    def node_pools(self) -> None:
        """Make what starts and stops nodes, and every pool of GPU nodes."""
        namespace = PlatformNamespace(
            _NODE_SCALING, PlatformNamespaceArgs(namespace=_NODE_SCALING), self._in_cluster
        ).namespace
        version = CLUSTER_AUTOSCALER[self.eks.kubernetes_version]
        ClusterAutoscaler(
            "cluster-autoscaler",
            ClusterAutoscalerArgs(
                namespace=namespace,
                image=images.published("cluster-autoscaler", version),
                version=version,
                cluster_name=self.eks.name,
                account=self.eks.account,
                region=self.eks.region,
                tags=self.tags,
            ),
            self._everywhere,
        )
        pools = self.settings.gpu_pools
        for pool in pools:
            if pool.provisioner is Provisioner.NODE_GROUP:
                self._node_group(pool)
        provisioned = [pool for pool in pools if pool.provisioner is Provisioner.KARPENTER]
        if provisioned:
            controller = self._karpenter(namespace)
            for pool in provisioned:
                self._karpenter_pool(pool, controller)

    @property
    def _in_cluster(self) -> ResourceOptions:
        return ResourceOptions(provider=self.connection.provider)

    @property
    def _everywhere(self) -> ResourceOptions:
        return ResourceOptions(providers=[self.provider, self.connection.provider])

    def _karpenter(self, namespace: pulumi.Input[str]) -> Karpenter:
        return Karpenter(
            "karpenter",
            KarpenterArgs(
                namespace=namespace,
                image=images.published("karpenter", karpenter.release()),
                cluster_name=self.eks.name,
                account=self.eks.account,
                region=self.eks.region,
                node_role_arn=self.cluster.node_role_arn,
                node_role_name=self.cluster.node_role_name,
                tags=self.tags,
            ),
            self._everywhere,
        )

    def _node_group(self, pool: GpuPoolSettings) -> GpuNodePool:
        numbers = [self.eks.availability_zones.index(zone) for zone in self._zones(pool)]
        return GpuNodePool(
            f"gpu-{pool.name}",
            GpuNodePoolArgs(
                pool=pool.name,
                cluster_name=self.cluster.cluster_name,
                node_role_arn=self.cluster.node_role_arn,
                subnet_ids=self.vpc.private_subnet_ids.apply(lambda ids: [ids[each] for each in numbers]),
                kubernetes_version=self.eks.kubernetes_version,
                security_group_id=self.cluster.node_security_group_id,
                instance_types=pool.instance_types,
                min_nodes=pool.min,
                max_nodes=pool.max,
                ami_release=self.eks.ami_release,
                capacity_type=pool.capacity_type.value,
                reservation=pool.reservation,
                disk_gib=pool.disk_gib,
                efa=pool.efa,
                placement_group=pool.placement_group,
                sharing=gpu_sharing.sharing(pool),
                tags=self.tags,
            ),
            self.opts,
        )

    def _karpenter_pool(self, pool: GpuPoolSettings, controller: Karpenter) -> KarpenterNodePool:
        release = self.eks.ami_release
        return KarpenterNodePool(
            f"gpu-{pool.name}",
            KarpenterNodePoolArgs(
                pool=pool.name,
                cluster_name=self.eks.name,
                instance_profile=controller.instance_profile,
                security_group_id=self.cluster.node_security_group_id,
                instance_types=pool.instance_types,
                max_nodes=pool.max,
                zones=self._zones(pool),
                # Karpenter knows a release by its date alone.
                ami_release=f"v{release.rpartition('-')[2]}" if release else "latest",
                capacity_type=pool.capacity_type.value,
                reservation=pool.reservation,
                disk_gib=pool.disk_gib,
                sharing=gpu_sharing.sharing(pool),
                tags=self.tags,
            ),
            self._in_cluster,
        )

    def _zones(self, pool: GpuPoolSettings) -> tuple[str, ...]:
        return pool.zones or self.eks.availability_zones

    def _server(self, role: str, instance_class: str, size: str) -> RdsServer:
        protect, rds = self.settings.protect, self.settings.storage.rds
        return RdsServer(
            vpc_id=self.vpc.vpc_id,
            subnet_ids=self.vpc.private_subnet_ids,
            client_security_group_ids=(self.cluster.node_security_group_id,),
            kms_key_arn=self._key(f"{role}-database", f"The database of {role}").arn,
            instance_class=instance_class,
            storage_gib=gib(size),
            multi_az=rds.multi_az,
            deletion_protection=protect,
            backup_days=rds.backup_days,
            tags=self.tags,
        )

    def _key(self, name: str, description: str) -> EncryptionKey:
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
        annotations=annotations, source_cidrs=gateway.source_cidrs, tls=gateway.certificate_arn is not None
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
    logs = EncryptionKey(
        "logs-key",
        EncryptionKeyArgs(
            account=eks.account, description=f"Logs of {eks.name}", logs_region=eks.region, tags=tags
        ),
        keep,
    )
    vpc = Vpc("network", _network(eks, logs.arn, tags), opts)
    cluster = EksCluster("eks", _cluster(settings, eks, vpc, logs.arn, tags), keep)
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
    settings: Settings, eks: EksSettings, vpc: Vpc, log_key_arn: pulumi.Input[str], tags: Mapping[str, str]
) -> EksClusterArgs:
    pool = eks.system_pool
    return EksClusterArgs(
        cluster_name=eks.name,
        account=eks.account,
        region=eks.region,
        kubernetes_version=eks.kubernetes_version,
        addons=eks_addons(eks.kubernetes_version),
        subnet_ids=vpc.private_subnet_ids,
        administrators=eks.administrators,
        log_key_arn=log_key_arn,
        public_cidrs=eks.endpoint.public_cidrs,
        system_instance_types=pool.instance_types,
        system_capacity_type=pool.capacity_type.value,
        system_min_nodes=pool.min,
        system_max_nodes=pool.max,
        system_disk_gib=pool.disk_gib,
        ami_release=eks.ami_release,
        log_days=eks.log_days,
        deletion_protection=settings.protect,
        tags=tags,
    )
