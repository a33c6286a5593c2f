"""A Postgres database run by the CloudNativePG operator, with TLS and a volume per instance."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import PostgresConnection
from components.shapes import access_rights, controller, network_policies
from components.shapes.labels import NAME, labels
from components.shapes.owner import Owner
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.versions import upstream_version

PORT = 5432
METRICS_PORT = 9187
POD_LABELS: Final[Mapping[str, str]] = {"cnpg.io/podRole": "instance"}
OPERATOR_METRICS_PORT = 8080
OPERATOR_NAMESPACE = "cnpg-system"
OPERATOR_POD_LABELS: Final[Mapping[str, str]] = {NAME: "cloudnative-pg"}
_STATUS_PORT = 8000
_WEBHOOK_PORT = 9443
_PROJECT = "cloudnative-pg"
_MODULE = "github.com/cloudnative-pg/cloudnative-pg"
_OPERATOR = "cnpg-controller-manager"
# Upstream's name of the operator's account and of its role.
_MANAGER = "cnpg-manager"
_EVERYWHERE = f"{_MANAGER}-everywhere"
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_SETTINGS = "cnpg-controller-manager-config"
_WATCHED = "WATCH_NAMESPACE"


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Inputs of `Postgres`."""

    namespace: pulumi.Input[str]
    """Namespace of the instances, which denies traffic by default; the operator has its own."""
    image: pulumi.Input[str]
    """Image of the server; its tag starts with the major version."""
    operator_image: str
    """Image of the operator, which also starts each instance."""
    database: str
    """Name of the database."""
    owner: str
    """Account that owns the database."""
    password: pulumi.Input[str]
    """The owner's password."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect."""
    databases: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Password of each further database's owner, an account of the database's name that opens no other."""
    instances: int = 1
    """One primary and `instances - 1` replicas; 2 or more survive the loss of a node."""
    storage_size: str = "5Gi"
    """Size of each instance's volume."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics of the operator and the instances."""

    def __post_init__(self) -> None:
        """Reject what the operator would reject minutes later."""
        if self.instances < 1:
            raise ValueError(f"instances: {self.instances}; give at least 1")
        if self.owner == "postgres" or self.database in {"postgres", "template0", "template1"}:
            raise ValueError(
                f"database, owner: {self.database!r}, {self.owner!r}; the server reserves one of these"
            )
        if taken := {self.database, self.owner, "postgres"} & self.databases.keys():
            raise ValueError(f"databases: {min(taken)!r} is taken; give it another name")


def operator_manifests(image: str) -> list[manifests.Manifest]:
    """Return upstream's objects, without its Namespace, confined, sized and probed for a quick start."""
    version = upstream_version(_PROJECT, _MODULE).removeprefix("v")
    upstream = manifests.load(_PROJECT, _MODULE, f"releases/cnpg-{version}.yaml")
    container = manifests.find(upstream, "Deployment", _OPERATOR)["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image
    container["imagePullPolicy"] = "IfNotPresent"
    for variable in container["env"]:
        if variable["name"] == "OPERATOR_IMAGE_NAME":
            variable["value"] = image
    # Read before the settings are: the operator decides first what it watches.
    container["env"].append(
        {"name": _WATCHED, "valueFrom": {"configMapKeyRef": {"name": _SETTINGS, "key": _WATCHED}}}
    )
    # Upstream's limit of a tenth of a CPU slows the start to 10 s.
    container["resources"] = {"requests": {"cpu": "50m", "memory": "100Mi"}, "limits": {"memory": "256Mi"}}
    container["startupProbe"] |= {"periodSeconds": 1, "failureThreshold": 90}
    own = labels("cloudnative-pg", "cloudnative-pg", "operator")
    # The name label of upstream's objects is a selector: it stays.
    own.pop(NAME)
    kept = manifests.without(upstream, "Namespace", "ClusterRoleBinding")
    manager = manifests.find(upstream, "ClusterRole", _MANAGER)
    # Bound in a namespace it grants nothing of these; by name the operator gets them in `_rights`.
    hooks = [f"{kind}webhookconfigurations.{_ADMISSION}" for kind in ("mutating", "validating")]
    manager["rules"], _ = access_rights.split(manager["rules"], hooks)
    rights = _rights(manager)
    return manifests.labelled([*kept, *rights], own)


def _rights(manager: manifests.Manifest) -> list[manifests.Manifest]:
    """Return what the operator may do in every namespace, and what in its own.

    Upstream binds its whole role everywhere: with it the operator could read every Secret, enter every pod
    and grant what it has to others.
    """
    hooks = [f"cnpg-{kind}-webhook-configuration" for kind in ("mutating", "validating")]
    read = [*access_rights.READ]
    everywhere: list[manifests.Manifest] = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": read},
        {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusterimagecatalogs"], "verbs": read},
        # It makes its own certificate.
        {
            "apiGroups": [_ADMISSION],
            "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            "resourceNames": hooks,
            "verbs": ["get", "patch"],
        },
    ]
    # Certificates, leader election and events; its caches read everything else as well.
    needed, _ = access_rights.split(manager["rules"], ("pods/exec",))
    others, written = access_rights.split(needed, ("secrets", "leases.coordination.k8s.io", "events"))
    own = {"name": _MANAGER, "namespace": OPERATOR_NAMESPACE}
    return [
        _role("ClusterRole", {"name": _EVERYWHERE}, everywhere),
        _binding("ClusterRole", {"name": _EVERYWHERE}),
        _role("Role", own, [*written, *access_rights.read_only(others)]),
        _binding("Role", own),
    ]


def _role(kind: str, metadata: Mapping[str, str], rules: list[manifests.Manifest]) -> manifests.Manifest:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": dict(metadata), "rules": rules}


def _binding(role: str, metadata: Mapping[str, str]) -> manifests.Manifest:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{role}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": _RBAC, "kind": role, "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": _MANAGER, "namespace": OPERATOR_NAMESPACE}],
    }


def _new_database(args: PostgresArgs, secret: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "database": args.database,
        "owner": args.owner,
        "secret": {"name": secret},
        # The operator's choice, C, knows no letter outside ASCII: ILIKE and lower() would leave it as it is.
        # Sorting stays that of C, by code point.
        "encoding": "UTF8",
        "localeProvider": "builtin",
        "builtinLocale": "C.UTF-8",
    }


def _own_database_alone(databases: Iterable[str]) -> dict[str, Any]:
    """Return the rules by which each further account opens its own database and no other.

    Everybody may connect to a new database, and no resource of the operator takes that right away.
    """
    lines = [
        line
        for each in databases
        for line in (f"hostssl {each} {each} all scram-sha-256", f"host all {each} all reject")
    ]
    return {"pg_hba": lines} if lines else {}


def _ready(databases: Iterable[str]) -> str:
    """Return what the engine waits for: the server, and the owners of further databases.

    The operator tries a database without its owner again and again, at ever longer intervals.
    """
    owned = [
        f"jsonpath={{.status.managedRolesStatus.byStatus.reconciled[{at}]}}" for at, _ in enumerate(databases)
    ]
    return json.dumps(["condition=Ready", *owned]) if owned else "condition=Ready"


def cluster_spec(
    args: PostgresArgs, secret: pulumi.Input[str], inherited: Mapping[str, str]
) -> dict[str, Any]:
    """Return the spec of the operator's Cluster resource."""
    further = [
        {
            "name": each,
            "ensure": "present",
            "login": True,
            "passwordSecret": {"name": pulumi.Output.concat(secret, "-", each)},
        }
        for each in args.databases
    ]
    parameters: dict[str, Any] = {"shared_buffers": "64MB", "max_connections": "100"}
    return {
        "instances": args.instances,
        "imageName": args.image,
        "imagePullPolicy": "IfNotPresent",
        "bootstrap": {"initdb": _new_database(args, secret)},
        "storage": {"size": args.storage_size},
        "resources": {"requests": {"cpu": "50m", "memory": "160Mi"}, "limits": {"memory": "640Mi"}},
        **({"managed": {"roles": further}} if further else {}),
        "postgresql": {"parameters": parameters, **_own_database_alone(args.databases)},
        # A budget for a single instance would block every drain of its node.
        "enablePDB": args.instances > 1,
        "enableSuperuserAccess": False,
        "smartShutdownTimeout": 5,
        "stopDelay": 30,
        "probes": {
            "startup": {"periodSeconds": 1, "failureThreshold": 300},
            "readiness": {"periodSeconds": 2, "failureThreshold": 3},
        },
        "inheritedMetadata": {"labels": inherited},
    }


class Postgres(pulumi.ComponentResource):
    """The operator and one database."""

    connection: PostgresConnection

    def __init__(self, name: str, args: PostgresArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"database": args.database, "instances": args.instances}
        super().__init__("plinth:index:Postgres", name, inputs, opts)
        self._name = name
        self._args = args
        self._owner = Owner(
            component=name,
            namespace=args.namespace,
            labels=labels("postgresql", name, "database"),
            selector={"cnpg.io/cluster": name},
            parent=self,
        )
        operator = self._operator()
        cluster = self._cluster([*operator, self._network_policy()])
        # Resolved by the cluster's id, so that a consumer waits until it is ready.
        host = pulumi.Output.all(cluster.id, args.namespace).apply(lambda known: f"{name}-rw.{known[1]}")
        self.connection = PostgresConnection(
            host=host,
            port=PORT,
            database=args.database,
            username=args.owner,
            password=pulumi.Output.secret(args.password),
            databases={
                each: self._database(each, password, cluster) for each, password in args.databases.items()
            },
        )
        self.register_outputs({"host": host})

    def _operator(self) -> list[pulumi.Resource]:
        objects = operator_manifests(self._args.operator_image)
        namespace = PlatformNamespace(
            f"{self._name}-operator-namespace",
            PlatformNamespaceArgs(namespace=OPERATOR_NAMESPACE),
            self._owner.child(),
        )
        upstream = manifests.only(objects, "CustomResourceDefinition")
        definitions = controller.define(self._owner, manifests.without_descriptions(upstream))
        instances = network_policies.pods(self._owner.selector, self._args.namespace)
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-operator-policy",
            metadata={**self._owner.metadata("operator"), "namespace": OPERATOR_NAMESPACE},
            spec=network_policies.controller(
                OPERATOR_POD_LABELS,
                scrapers=self._args.scrapers,
                metrics_port=OPERATOR_METRICS_PORT,
                webhook_port=_WEBHOOK_PORT,
                outgoing=[network_policies.egress([instances], _STATUS_PORT, PORT)],
            ),
            opts=self._owner.child([namespace]),
        )
        operator = kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-operator",
            yaml=manifests.render(manifests.without(objects, "CustomResourceDefinition")),
            opts=self._owner.child([namespace, definitions, policy, *self._confinement(namespace)]),
        )
        return [definitions, operator]

    def _confinement(self, namespace: PlatformNamespace) -> list[pulumi.Resource]:
        """Give the operator its rights where the database is, and let it watch no other namespace."""
        rights = kubernetes.rbac.v1.RoleBinding(
            f"{self._name}-operator-binding",
            metadata=self._owner.metadata(_MANAGER),
            role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": _MANAGER},
            subjects=[{"kind": "ServiceAccount", "name": _MANAGER, "namespace": OPERATOR_NAMESPACE}],
            opts=self._owner.child(),
        )
        settings = kubernetes.core.v1.ConfigMap(
            f"{self._name}-operator-settings",
            metadata=replace(self._owner, namespace=OPERATOR_NAMESPACE).metadata(_SETTINGS),
            data={_WATCHED: self._args.namespace},
            opts=self._owner.child([namespace]),
        )
        return [rights, settings]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        operator = network_policies.pods(OPERATOR_POD_LABELS, OPERATOR_NAMESPACE)
        instances = network_policies.pods(self._owner.selector)
        scrapers = self._args.scrapers
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[
                    network_policies.ingress([*self._args.clients, operator, instances], PORT),
                    network_policies.ingress([operator, instances], _STATUS_PORT),
                    *([network_policies.ingress(scrapers, METRICS_PORT)] if scrapers else []),
                ],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([instances], PORT, _STATUS_PORT),
                ],
            ),
            opts=self._owner.child(),
        )

    def _cluster(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        owner = self._login(f"{self._name}-owner", self._args.owner, self._args.password)
        after = [
            *after,
            *(
                self._login(f"{self._name}-owner-{each}", each, key)
                for each, key in self._args.databases.items()
            ),
        ]
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-cluster",
            api_version="postgresql.cnpg.io/v1",
            kind="Cluster",
            metadata={
                **self._owner.metadata(self._name),
                "annotations": {
                    "pulumi.com/waitFor": _ready(self._args.databases),
                    "pulumi.com/timeoutSeconds": "300",
                },
            },
            spec=cluster_spec(self._args, owner.metadata["name"], self._owner.labels),
            opts=self._owner.child(after),
        )

    def _login(self, name: str, username: str, password: pulumi.Input[str]) -> kubernetes.core.v1.Secret:
        metadata = self._owner.metadata(name)
        # Otherwise the operator sets a changed password only when something else concerns the cluster.
        metadata["labels"] = {**self._owner.labels, "cnpg.io/reload": "true"}
        return kubernetes.core.v1.Secret(
            name,
            metadata=metadata,
            type="kubernetes.io/basic-auth",
            string_data={"username": username, "password": pulumi.Output.secret(password)},
            opts=self._owner.child(),
        )

    def _database(
        self, name: str, password: pulumi.Input[str], cluster: pulumi.CustomResource
    ) -> PostgresConnection:
        """Create a further database once its server runs, and return the connection to it."""
        created = kubernetes.apiextensions.CustomResource(
            f"{self._name}-database-{name}",
            api_version="postgresql.cnpg.io/v1",
            kind="Database",
            metadata={
                **self._owner.metadata(f"{self._name}-{name}"),
                "annotations": {
                    "pulumi.com/waitFor": "jsonpath={.status.applied}=true",
                    "pulumi.com/timeoutSeconds": "300",
                },
            },
            spec={"name": name, "owner": name, "cluster": {"name": self._name}},
            opts=self._owner.child([cluster]),
        )
        host = pulumi.Output.all(created.id, self._args.namespace).apply(
            lambda known: f"{self._name}-rw.{known[1]}"
        )
        return PostgresConnection(
            host=host,
            port=PORT,
            database=name,
            username=name,
            password=pulumi.Output.secret(password),
        )
