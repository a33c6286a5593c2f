"""The metadata store of pipelines (ML Metadata): executions, artifacts, and what caching looks up."""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.shapes import cluster_service, network_policies, pod_inputs, pod_security, server_pods
from components.shapes.labels import labels, selector

PORT = 8080
# KFP's drivers and launchers look for this Service and nothing else.
SERVICE = "metadata-grpc-service"


@dataclass(frozen=True, kw_only=True)
class MlMetadataArgs:
    """What the metadata store needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: str
    """The server."""
    database: MysqlConnection
    """Where metadata is kept."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect: anyone who can may read and change everything, for the store knows no users."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Where the database is; anywhere on its port if not given."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a store that no one could use."""
        if not self.clients:
            raise ValueError("clients: none given; name the pods that run pipeline steps")


class MlMetadata(pulumi.ComponentResource):
    """One metadata server behind one Service; it must stay one, because it serialises writes by itself."""

    address: pulumi.Output[str]

    def __init__(self, name: str, args: MlMetadataArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MlMetadata", name, {"database": args.database.database}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("ml-metadata", name, "server"), **args.extra_labels}
        self._selector = {**selector("ml-metadata", name), "app.kubernetes.io/component": "server"}
        server = self._server([self._secret(), self._network_policy()])
        service = self._service(server)
        # Taken from the Service, which is known when the server answers.
        self.address = pulumi.Output.concat(SERVICE, ".", service.metadata["namespace"], f":{PORT}")
        self.register_outputs({"address": self.address})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _secret(self) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-database",
            metadata=self._metadata("metadata-database"),
            string_data={"password": pulumi.Output.secret(self._args.database.password)},
            opts=self._child,
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata("metadata-grpc"),
            spec=network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress(self._args.clients, PORT)],
                outgoing=[network_policies.egress(stores, self._args.database.port)],
            ),
            opts=self._child,
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        database = self._args.database
        container = server_pods.container(
            "mlmd",
            self._args.image,
            ["mlmd-server"],
            env=[
                *pod_inputs.plain_env(
                    {
                        "MLMD_PORT": str(PORT),
                        "MLMD_MYSQL_HOST": database.host,
                        "MLMD_MYSQL_PORT": str(database.port),
                        "MLMD_MYSQL_DATABASE": database.database,
                        "MLMD_MYSQL_USER": database.username,
                        **({"MLMD_MYSQL_TLS": "true"} if database.tls else {}),
                    }
                ),
                *pod_inputs.secret_env("metadata-database", {"MLMD_MYSQL_PASSWORD": "password"}),
            ],
            ports={"grpc": PORT},
            probe={"tcp_socket": {"port": PORT}, "timeout_seconds": 5},
            resources=pod_security.sizes(cpu="50m", memory="96Mi", memory_limit="512Mi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata("metadata-grpc"),
            spec=server_pods.deployment(selector=self._selector, labels=self._labels, container=container),
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _service(self, server: pulumi.Resource) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(SERVICE),
            selector=self._selector,
            ports={"grpc-api": PORT},
            parent=self,
            after=[server],
        )
