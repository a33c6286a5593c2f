"""The metadata store of pipelines (ML Metadata): executions, artifacts and the entries of the cache."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.shapes import (
    authorities,
    cluster_service,
    network_policies,
    pod_inputs,
    pod_security,
    server_pods,
)
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount

PORT = 8080
SERVICE = "metadata-grpc-service"
"""KFP's drivers and launchers have this name built in."""
_NAME = "metadata-grpc"
_SECRET = "metadata-database"  # noqa: S105 - a name
_LOGIN = Mount(volume="login", path="/login")


@dataclass(frozen=True, kw_only=True)
class MlMetadataArgs:
    """Inputs of `MlMetadata`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image of the server."""
    database: MysqlConnection
    """Database of the metadata."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect: the store has no users, so each client may read and change everything."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of the database; by default anything on its port."""

    def __post_init__(self) -> None:
        """Reject a store without clients."""
        if not self.clients:
            raise ValueError("clients: none given; name the pods that run pipeline steps")


class MlMetadata(pulumi.ComponentResource):
    """One metadata server behind one Service; there must be one only, because it serialises writes itself."""

    address: pulumi.Output[str]

    def __init__(self, name: str, args: MlMetadataArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MlMetadata", name, {"database": args.database.database}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product="ml-metadata", role="server", select_role=True
        )
        server = self._server([self._secret(), self._network_policy()])
        service = cluster_service.deploy(self._owner, SERVICE, {"grpc-api": PORT}, after=[server])
        # Resolved by the Service, which comes after the server is ready.
        self.address = pulumi.Output.concat(SERVICE, ".", service.metadata["namespace"], f":{PORT}")
        self.register_outputs({"address": self.address})

    def _secret(self) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-database",
            metadata=self._owner.metadata(_SECRET),
            string_data={"password": pulumi.Output.secret(self._args.database.password)},
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(_NAME),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(self._args.clients, PORT)],
                outgoing=[network_policies.egress(stores, self._args.database.port)],
            ),
            opts=self._owner.child(),
        )

    def _server(self, after: Sequence[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        database = self._args.database
        trusted = authorities.deploy(
            self._owner, database.authorities, role="authorities", name=f"{_NAME}-authorities"
        )
        container = server_pods.container(
            "mlmd",
            self._args.image,
            ["mlmd-server"],
            env=pod_inputs.plain_env(
                {
                    "MLMD_PORT": str(PORT),
                    "MLMD_MYSQL_HOST": database.host,
                    "MLMD_MYSQL_PORT": str(database.port),
                    "MLMD_MYSQL_DATABASE": database.database,
                    "MLMD_MYSQL_USER": database.username,
                    "MLMD_MYSQL_PASSWORD_FILE": f"{_LOGIN.path}/password",
                    **({"MLMD_MYSQL_AUTHORITIES": authorities.PATH} if trusted.mounts else {}),
                }
            ),
            ports={"grpc": PORT},
            mounts=(TMP, _LOGIN, *trusted.mounts),
            probe=pod_security.tcp_probe(PORT),
            resources=pod_security.sizes(cpu="50m", memory="96Mi", memory_limit="512Mi"),
        )
        login: kubernetes.core.v1.VolumeArgsDict = {"name": _LOGIN.volume, "secret": {"secret_name": _SECRET}}
        pod = server_pods.pod(container, volumes=[login, *trusted.volumes])
        return server_pods.deploy(
            self._owner, pod, role="server", name=_NAME, after=[*after, *trusted.config_maps]
        )
