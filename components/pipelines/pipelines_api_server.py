"""The API server of Kubeflow Pipelines: pipelines, runs, recurring runs and cached results."""

import json
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection, MysqlConnection, ObjectStoreConnection
from components.shapes import (
    cluster_service,
    http_routes,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
    server_pods,
)
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import python_version

HTTP_PORT = 8888
GRPC_PORT = 8887
# Drivers, launchers and controllers look for the API server by this name.
SERVICE = "ml-pipeline"
PROJECT = "kubeflow-pipelines"
MODULE = "github.com/kubeflow/pipelines"
MANIFESTS = "manifests/kustomize/base/pipeline"
_DATABASE_SECRET = "pipelines-database"  # noqa: S105 - a name


@dataclass(frozen=True, kw_only=True)
class PipelinesApiServerArgs:
    """What the API server needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace; runs are made in it."""
    image: str
    """The server."""
    driver_image: str
    """What decides on each step of a run, before it."""
    launcher_image: str
    """What runs inside each step."""
    database: MysqlConnection
    """Where pipelines and runs are recorded."""
    artifacts: ObjectStoreConnection
    """Where pipelines and the logs of steps lie."""
    artifacts_secret: str
    """Secret of the namespace with the keys `accesskey` and `secretkey`; unused without keys."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect: the server knows no users, so whoever can connect may do everything."""
    gateway: GatewayConnection | None = None
    """Where to publish the API as `pipelines.<domain>`, if anywhere."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Where database and artifacts are; anywhere on their ports if not given."""
    log_prefix: str = "artifacts"
    """Logs of steps are read from `<prefix>/<workflow>/<pod>/main.log`."""
    workspace_storage_class: str | None = None
    """Class of the volumes that the steps of a run may share; no shared volumes if not given."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a server that serves no one."""
        if not self.clients:
            raise ValueError("clients: none given; name the pods or namespaces that may connect")


def settings(upstream: str, *, log_prefix: str, workspace_storage_class: str | None) -> str:
    """Return the server's configuration file: upstream's, without its well-known credentials."""
    changed = json.loads(upstream)
    for key in ("AccessKey", "SecretAccessKey"):
        changed["ObjectStoreConfig"].pop(key)
    changed["ARCHIVE_CONFIG_LOG_PATH_PREFIX"] = log_prefix
    if workspace_storage_class:
        changed["Workspace"]["VolumeClaimTemplateSpec"]["storageClassName"] = workspace_storage_class
    else:
        changed.pop("Workspace")
    return json.dumps(changed, indent=2, sort_keys=True)


class PipelinesApiServer(pulumi.ComponentResource):
    """One API server behind one Service."""

    api_url: pulumi.Output[str]

    def __init__(self, name: str, args: PipelinesApiServerArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("kfp")
        super().__init__("plinth:index:PipelinesApiServer", name, {"version": self._release}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        own = labels("kubeflow-pipelines", name, "api-server", version=self._release)
        self._labels = {**own, **args.extra_labels}
        self.selector = {**selector("kubeflow-pipelines", name), "app.kubernetes.io/component": "api-server"}
        server = self._server(
            [self._database_secret(), self._settings(), self._network_policy(), *self._rights()]
        )
        service = self._service(server)
        if args.gateway:
            self._route(args.gateway)
        # Taken from the Service, which is known when the server answers.
        self.api_url = pulumi.Output.concat(
            "http://", SERVICE, ".", service.metadata["namespace"], f":{HTTP_PORT}"
        )
        self.register_outputs({"api_url": self.api_url})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _database_secret(self) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-database",
            metadata=self._metadata(_DATABASE_SECRET),
            string_data={"password": pulumi.Output.secret(self._args.database.password)},
            opts=self._child,
        )

    def _settings(self) -> kubernetes.core.v1.ConfigMap:
        upstream = manifests.text(PROJECT, MODULE, "backend/src/apiserver/config/config.json")
        text = settings(
            upstream,
            log_prefix=self._args.log_prefix,
            workspace_storage_class=self._args.workspace_storage_class,
        )
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings",
            metadata=self._metadata("ml-pipeline-config"),
            data={"config.json": text},
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        upstream = manifests.load(PROJECT, MODULE, f"{MANIFESTS}/ml-pipeline-apiserver-role.yaml")
        rules = manifests.find(upstream, "Role", SERVICE)["rules"]
        access = AccessRights(
            component=self._name,
            account=SERVICE,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [access.service_account(), access.in_namespace(rules, name=SERVICE)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        stores = args.stores or (network_policies.anywhere(),)
        gateway = [network_policies.in_namespace(args.gateway.namespace)] if args.gateway else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(SERVICE),
            spec=network_policies.exception(
                self.selector,
                incoming=[
                    network_policies.ingress([*args.clients, *gateway, *args.scrapers], HTTP_PORT),
                    network_policies.ingress([*args.clients], GRPC_PORT),
                ],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress(stores, args.database.port),
                    *object_store_access.egress(args.artifacts, args.stores),
                ],
            ),
            opts=self._child,
        )

    def _environment(self) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        database, artifacts = self._args.database, self._args.artifacts
        endpoint = pulumi.Output.from_input(artifacts.endpoint).apply(object_store_access.split_endpoint)
        plain: dict[str, pulumi.Input[str]] = {
            "POD_NAMESPACE": self._args.namespace,
            "DBDRIVERNAME": "mysql",
            "DBCONFIG_MYSQLCONFIG_HOST": database.host,
            "DBCONFIG_MYSQLCONFIG_PORT": str(database.port),
            "DBCONFIG_MYSQLCONFIG_USER": database.username,
            "DBCONFIG_MYSQLCONFIG_DBNAME": database.database,
            "OBJECTSTORECONFIG_HOST": endpoint[0],
            "OBJECTSTORECONFIG_PORT": endpoint[1],
            "OBJECTSTORECONFIG_REGION": artifacts.region,
            "OBJECTSTORECONFIG_SECURE": str(artifacts.secure).lower(),
            "OBJECTSTORECONFIG_BUCKETNAME": artifacts.bucket,
            # Without these two, upstream runs images tagged `latest`.
            "V2_DRIVER_IMAGE": self._args.driver_image,
            "V2_LAUNCHER_IMAGE": self._args.launcher_image,
            "PIPELINE_LOG_LEVEL": "1",
            "PUBLISH_LOGS": "true",
            "PIPELINE_RUN_AS_USER": str(server_pods.USER),
            # The server refuses to start without an address of a service that nothing here runs.
            "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST": "localhost",
            "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT": str(HTTP_PORT),
        }
        if database.tls:
            # Encrypted, yet any certificate will do: authorities of a cloud's databases are not in the image.
            plain["DBCONFIG_MYSQLCONFIG_EXTRAPARAMS"] = json.dumps({"tls": "skip-verify"})
        keys = {"OBJECTSTORECONFIG_ACCESSKEY": "accesskey", "OBJECTSTORECONFIG_SECRETACCESSKEY": "secretkey"}
        if artifacts.keyless:
            keys = {}
        return [
            *pod_inputs.plain_env(plain),
            *pod_inputs.secret_env(_DATABASE_SECRET, {"DBCONFIG_MYSQLCONFIG_PASSWORD": "password"}),
            *pod_inputs.secret_env(self._args.artifacts_secret, keys),
        ]

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "ml-pipeline-api-server",
            self._args.image,
            ["apiserver", "--config=/config", "-logtostderr=true", "--logLevel=info"],
            env=self._environment(),
            ports={"http": HTTP_PORT, "grpc": GRPC_PORT},
            mounts={"config": "/config"},
            probe=pod_security.http_probe("/apis/v2beta1/healthz", HTTP_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="100m", memory="192Mi", memory_limit="1Gi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(SERVICE),
            spec=server_pods.deployment(
                selector=self.selector,
                labels=self._labels,
                container=container,
                volumes=[{"name": "config", "config_map": {"name": "ml-pipeline-config"}}],
                service_account=SERVICE,
                # It does not hear SIGTERM (backend/src/apiserver/main.go): more would only wait for the kill.
                grace_seconds=5,
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _service(self, server: pulumi.Resource) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(SERVICE),
            selector=self.selector,
            # Drivers look for the port named grpc.
            ports={"http": HTTP_PORT, "grpc": GRPC_PORT},
            parent=self,
            after=[server],
        )

    def _route(self, gateway: GatewayConnection) -> None:
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=self._metadata(SERVICE),
            spec=http_routes.spec(gateway, "pipelines", SERVICE, HTTP_PORT),
            opts=self._child,
        )
