"""A Postgres database run by the CloudNativePG operator, with TLS, an owner and a volume per instance."""

from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import PostgresConnection
from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.versions import upstream_version

PORT = 5432
METRICS_PORT = 9187
_OPERATOR_METRICS_PORT = 8080
_STATUS_PORT = 8000
_WEBHOOK_PORT = 9443
_PROJECT = "cloudnative-pg"
_MODULE = "github.com/cloudnative-pg/cloudnative-pg"
_OPERATOR = "cnpg-controller-manager"
_OPERATOR_NAMESPACE = "cnpg-system"
_OPERATOR_SELECTOR = {"app.kubernetes.io/name": "cloudnative-pg"}


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """What a Postgres database needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace for the instances; the operator has its own."""
    image: pulumi.Input[str]
    """The server; its tag starts with the major version."""
    operator_image: str
    """The operator, which also starts each instance."""
    database: str
    """Name of the database."""
    owner: str
    """The account that owns the database."""
    password: pulumi.Input[str]
    """The owner's password."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect."""
    instances: int = 1
    """One primary and `instances - 1` replicas; 2 or more survive the loss of a node."""
    storage_size: str = "5Gi"
    """Size of each instance's volume."""
    storage_class: str | None = None
    """The cluster's default if not given."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics of the operator and the instances."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse what the operator would refuse minutes later."""
        if self.instances < 1:
            raise ValueError(f"instances: {self.instances}; give at least 1")
        if self.owner == "postgres" or self.database in {"postgres", "template0", "template1"}:
            raise ValueError(
                f"database, owner: {self.database!r}, {self.owner!r}; the server needs one of these itself"
            )


def operator_manifests(image: str, extra_labels: dict[str, str]) -> list[manifests.Manifest]:
    """Return upstream's objects, without its Namespace, sized and probed for a quick start."""
    version = upstream_version(_PROJECT, _MODULE).removeprefix("v")
    upstream = manifests.load(_PROJECT, _MODULE, f"releases/cnpg-{version}.yaml")
    container = manifests.find(upstream, "Deployment", _OPERATOR)["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image
    container["imagePullPolicy"] = "IfNotPresent"
    for variable in container["env"]:
        if variable["name"] == "OPERATOR_IMAGE_NAME":
            variable["value"] = image
    # Upstream's limit of a tenth of a CPU stretches the start to 10 s.
    container["resources"] = {"requests": {"cpu": "50m", "memory": "100Mi"}, "limits": {"memory": "256Mi"}}
    container["startupProbe"] |= {"periodSeconds": 1, "failureThreshold": 90}
    own = {**labels("cloudnative-pg", "cloudnative-pg", "operator"), **extra_labels}
    # The name and instance labels of upstream's objects are selectors: they stay.
    own = {key: value for key, value in own.items() if key != "app.kubernetes.io/name"}
    return manifests.labelled(manifests.without(upstream, "Namespace"), own)


def cluster_spec(args: PostgresArgs, secret: pulumi.Input[str], own: dict[str, str]) -> dict[str, Any]:
    """Return the spec of the operator's Cluster resource."""
    storage = {"size": args.storage_size}
    if args.storage_class:
        storage["storageClass"] = args.storage_class
    return {
        "instances": args.instances,
        "imageName": args.image,
        "imagePullPolicy": "IfNotPresent",
        "bootstrap": {"initdb": {"database": args.database, "owner": args.owner, "secret": {"name": secret}}},
        "storage": storage,
        "resources": {"requests": {"cpu": "50m", "memory": "160Mi"}, "limits": {"memory": "640Mi"}},
        "postgresql": {"parameters": {"shared_buffers": "64MB", "max_connections": "100"}},
        # A budget of one instance of one would block every drain.
        "enablePDB": args.instances > 1,
        "enableSuperuserAccess": False,
        "smartShutdownTimeout": 5,
        "stopDelay": 30,
        "probes": {
            "startup": {"periodSeconds": 1, "failureThreshold": 300},
            "readiness": {"periodSeconds": 2, "failureThreshold": 3},
        },
        "inheritedMetadata": {"labels": own},
    }


class Postgres(pulumi.ComponentResource):
    """The operator and one database."""

    connection: PostgresConnection

    def __init__(self, name: str, args: PostgresArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"database": args.database, "instances": args.instances}
        super().__init__("plinth:index:Postgres", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("postgresql", name, "database"), **args.extra_labels}
        self._selector = {"cnpg.io/cluster": name}
        operator = self._operator()
        cluster = self._cluster([*operator, *self._network_policies()])
        # Taken from the cluster's identity, so that a consumer waits until it is ready.
        host = pulumi.Output.all(cluster.id, args.namespace).apply(lambda known: f"{name}-rw.{known[1]}")
        self.connection = PostgresConnection(
            host=host,
            port=PORT,
            database=args.database,
            username=args.owner,
            password=pulumi.Output.secret(args.password),
        )
        self.register_outputs({"host": host})

    def _operator(self) -> list[pulumi.Resource]:
        objects = operator_manifests(self._args.operator_image, self._args.extra_labels)
        namespace = PlatformNamespace(
            f"{self._name}-operator-namespace",
            PlatformNamespaceArgs(namespace=_OPERATOR_NAMESPACE, extra_labels=self._args.extra_labels),
            self._child,
        )
        found = manifests.only(objects, "CustomResourceDefinition")
        definitions = kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.without_descriptions(found)),
            opts=self._child,
        )
        webhook = network_policies.ingress([network_policies.anywhere()], _WEBHOOK_PORT)
        instances = network_policies.pods(self._selector, self._args.namespace)
        metrics = self._metrics(_OPERATOR_METRICS_PORT)
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-operator-policy",
            metadata={"name": "operator", "namespace": _OPERATOR_NAMESPACE, "labels": self._labels},
            spec=network_policies.exception(
                _OPERATOR_SELECTOR,
                # The API server calls from outside the pods' network: it has no labels to name.
                incoming=[webhook, *metrics],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([instances], _STATUS_PORT, PORT),
                ],
            ),
            opts=ResourceOptions(parent=self, depends_on=[namespace]),
        )
        operator = kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-operator",
            yaml=manifests.render(manifests.without(objects, "CustomResourceDefinition")),
            opts=ResourceOptions(parent=self, depends_on=[namespace, definitions, policy]),
        )
        return [definitions, operator]

    def _metrics(self, port: int) -> list[network_policies.IngressRule]:
        scrapers = self._args.scrapers
        return [network_policies.ingress(scrapers, port)] if scrapers else []

    def _network_policies(self) -> list[pulumi.Resource]:
        operator = network_policies.pods(_OPERATOR_SELECTOR, _OPERATOR_NAMESPACE)
        instances = network_policies.pods(self._selector)
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata={"name": self._name, "namespace": self._args.namespace, "labels": self._labels},
            spec=network_policies.exception(
                self._selector,
                incoming=[
                    network_policies.ingress([*self._args.clients, operator, instances], PORT),
                    network_policies.ingress([operator, instances], _STATUS_PORT),
                    *self._metrics(METRICS_PORT),
                ],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([instances], PORT, _STATUS_PORT),
                ],
            ),
            opts=self._child,
        )
        return [policy]

    def _cluster(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": self._name,
            "namespace": self._args.namespace,
            "labels": self._labels,
        }
        owner = kubernetes.core.v1.Secret(
            f"{self._name}-owner",
            metadata={**metadata, "name": f"{self._name}-owner"},
            type="kubernetes.io/basic-auth",
            string_data={
                "username": self._args.owner,
                "password": pulumi.Output.secret(self._args.password),
            },
            opts=self._child,
        )
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-cluster",
            api_version="postgresql.cnpg.io/v1",
            kind="Cluster",
            metadata={
                **metadata,
                "annotations": {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "300"},
            },
            spec=cluster_spec(self._args, owner.metadata["name"], self._labels),
            opts=ResourceOptions(parent=self, depends_on=after),
        )
