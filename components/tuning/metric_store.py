"""Katib's store of metrics: the server to which trials push what they reach, on a Postgres database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import PostgresConnection
from components.shapes import cluster_service, network_policies, pod_inputs, pod_security, server_pods
from components.shapes.labels import COMPONENT, NAME
from components.shapes.owner import Owner
from workloads.contract import METRIC_STORE

SERVICE: Final = METRIC_STORE.partition(".")[0]
PORT: Final = int(METRIC_STORE.rpartition(":")[2])
POD_LABELS: Final[Mapping[str, str]] = {NAME: "katib", COMPONENT: "metrics"}
_SECRET = "katib-database"  # noqa: S105 - a name


@dataclass(frozen=True, kw_only=True)
class MetricStoreArgs:
    """Inputs of `MetricStore`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of Katib's db-manager."""
    database: PostgresConnection
    """Its database, which it makes a table in."""
    clients: tuple[network_policies.Peer, ...]
    """Pods of trials, besides the controller's. The server asks nobody who they are: whoever reaches it can
    read and write the metrics of a trial whose name they know, and no call lists names."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of the database server; by default anything on its port."""


class MetricStore(pulumi.ComponentResource):
    """The server, its Service and its network policy."""

    server: kubernetes.apps.v1.Deployment

    def __init__(self, name: str, args: MetricStoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MetricStore", name, {"database": args.database.database}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product="katib", role="metrics", select_role=True
        )
        self.server = self._server([self._secret(), self._network_policy()])
        cluster_service.deploy(self._owner, SERVICE, {"api": PORT})
        self.register_outputs({})

    def _secret(self) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-database",
            metadata=self._owner.metadata(_SECRET),
            string_data={"password": pulumi.Output.secret(self._args.database.password)},
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        controllers = network_policies.pods({NAME: "katib", COMPONENT: "controller"})
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(SERVICE),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress([controllers, *self._args.clients], PORT)],
                outgoing=[network_policies.egress(stores, self._args.database.port)],
            ),
            opts=self._owner.child(),
        )

    def _server(self, after: Sequence[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        database = self._args.database
        container = server_pods.container(
            "db-manager",
            self._args.image,
            # The images, upstream's and ours, know where their program is.
            [],
            args=[],
            env=[
                *pod_inputs.plain_env(
                    {
                        "DB_NAME": "postgres",
                        "DB_USER": database.username,
                        "KATIB_POSTGRESQL_DB_HOST": database.host,
                        "KATIB_POSTGRESQL_DB_PORT": str(database.port),
                        "KATIB_POSTGRESQL_DB_DATABASE": database.database,
                        "KATIB_POSTGRESQL_SSL_MODE": "require",
                    }
                ),
                *pod_inputs.secret_env(_SECRET, {"DB_PASSWORD": "password"}),
            ],
            ports={"api": PORT},
            probe=pod_security.tcp_probe(PORT),
            resources=pod_security.sizes(cpu="10m", memory="32Mi", memory_limit="128Mi"),
        )
        pod = server_pods.pod(container)
        return server_pods.deploy(self._owner, pod, role="server", name=SERVICE, after=after)
