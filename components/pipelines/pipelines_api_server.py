"""The API server of Kubeflow Pipelines: pipelines, runs, recurring runs and cached results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection, MysqlConnection, ObjectStoreConnection
from components.pipelines.argo_workflows import LOG_PREFIX
from components.pipelines.mysql_text import CHARACTER_SET
from components.shapes import (
    authorities,
    cluster_service,
    http_routes,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.access_rights import AccessRights
from components.shapes.labels import COMPONENT, NAME
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from components.versions import python_version
from workloads.contract import Host

HTTP_PORT = 8888
"""Serves the API and the metrics."""
GRPC_PORT = 8887
POD_LABELS: Final[Mapping[str, str]] = {NAME: "kubeflow-pipelines", COMPONENT: "api-server"}
SERVICE = "ml-pipeline"
"""Drivers, launchers and controllers have this name built in."""
PROJECT = "kubeflow-pipelines"
MODULE = "github.com/kubeflow/pipelines"
MANIFESTS = "manifests/kustomize/base/pipeline"
_DATABASE_SECRET = "pipelines-database"  # noqa: S105 - a name
_ARTIFACTS_SECRET = "pipelines-artifacts"  # noqa: S105 - a name
_SETTINGS = "ml-pipeline-config"
# Not its metrics, nor what agents in the cluster call: whoever reports a workflow decides how its run ends.
_PUBLISHED = http_routes.Paths(
    below=(
        *(
            f"/apis/v2beta1/{each}"
            for each in ("experiments", "healthz", "pipelines", "recurringruns", "runs")
        ),
        *(f"/apis/v1beta1/{each}" for each in ("experiments", "healthz", "jobs", "pipelines", "runs")),
        # Deprecated in favour of /apis/v1beta1/pipelines; the SDK still has them.
        "/apis/v1beta1/pipeline_versions",
        "/apis/v1beta1/namespaces",
        # Logs of steps.
        "/apis/v1alpha1/runs",
    )
)


@dataclass(frozen=True, kw_only=True)
class PipelinesApiServerArgs:
    """Inputs of `PipelinesApiServer`."""

    namespace: pulumi.Input[str]
    """Namespace of the server, which denies traffic by default."""
    runs_namespace: pulumi.Input[str]
    """Namespace in which the server creates runs; it sees no other."""
    image: str
    """Image of the server."""
    driver_image: str
    """Image of the driver, which runs before each step and decides whether it must run."""
    launcher_image: str
    """Image of the launcher, which runs inside each step."""
    database: MysqlConnection
    """Database of pipelines and runs."""
    artifacts: ObjectStoreConnection
    """Bucket of pipelines and step logs."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect: the server has no users, so each client may do everything."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes the API, if any."""
    host: str = Host.PIPELINES
    """First label of the host that it is published at."""
    localhost: str = "/"
    """Path of `http://localhost` below which the API is published too."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of database and object store; by default anything on their ports."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """More than one survive the loss of a node."""

    def __post_init__(self) -> None:
        """Reject a server without clients."""
        if not self.clients:
            raise ValueError("clients: none given; name the pods or namespaces that may connect")
        replicated_server.check(self.replicas)


def settings(upstream: str) -> str:
    """Return the server's configuration file: upstream's, without credentials and shared workspaces."""
    changed = json.loads(upstream)
    for key in ("AccessKey", "SecretAccessKey"):
        changed["ObjectStoreConfig"].pop(key)
    changed["ARCHIVE_CONFIG_LOG_PATH_PREFIX"] = LOG_PREFIX
    changed.pop("Workspace")
    return json.dumps(changed, indent=2, sort_keys=True)


def _connection_parameters(database: MysqlConnection) -> dict[str, str]:
    # Upstream says `utf8`, which in MySQL has no emoji.
    parameters = {"charset": CHARACTER_SET}
    if database.authorities:
        # By the authorities that Go finds on the system, and for the host that the server is called by.
        parameters["tls"] = "true"
    return parameters


class PipelinesApiServer(pulumi.ComponentResource):
    """The API server behind one Service."""

    api_url: pulumi.Output[str]

    def __init__(self, name: str, args: PipelinesApiServerArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("kfp")
        super().__init__("plinth:index:PipelinesApiServer", name, {"version": self._release}, opts)
        self._name = name
        self._args = args
        self._configuration = settings(
            manifests.text(PROJECT, MODULE, "backend/src/apiserver/config/config.json")
        )
        self._owner = Owner.of_product(
            self,
            name,
            args.namespace,
            product="kubeflow-pipelines",
            role="api-server",
            version=self._release,
            select_role=True,
        )
        server = self._server([*self._secrets(), self._settings(), self._network_policy(), *self._rights()])
        service = cluster_service.deploy(
            self._owner, SERVICE, {"http": HTTP_PORT, "grpc": GRPC_PORT}, after=[server]
        )
        if args.gateway:
            http_routes.deploy(
                self._owner,
                args.gateway,
                args.host,
                name=SERVICE,
                service=SERVICE,
                port=HTTP_PORT,
                paths=_PUBLISHED,
                localhost=args.localhost,
            )
        # Resolved by the Service, which comes after the server is ready.
        self.api_url = pulumi.Output.concat(
            "http://", SERVICE, ".", service.metadata["namespace"], f":{HTTP_PORT}"
        )
        self.register_outputs({"api_url": self.api_url})

    def _secrets(self) -> list[kubernetes.core.v1.Secret]:
        artifacts = self._args.artifacts
        made = [self._secret("database", _DATABASE_SECRET, {"password": self._args.database.password})]
        if not artifacts.keyless:
            keys = {"accesskey": artifacts.access_key or "", "secretkey": artifacts.secret_key or ""}
            made.append(self._secret("artifacts", _ARTIFACTS_SECRET, keys))
        return made

    def _secret(
        self, resource: str, name: str, data: Mapping[str, pulumi.Input[str]]
    ) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-{resource}",
            metadata=self._owner.metadata(name),
            string_data={key: pulumi.Output.secret(value) for key, value in data.items()},
            opts=self._owner.child(),
        )

    def _settings(self) -> kubernetes.core.v1.ConfigMap:
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings",
            metadata=self._owner.metadata(_SETTINGS),
            data={"config.json": self._configuration},
            opts=self._owner.child(),
        )

    def _rights(self) -> list[pulumi.Resource]:
        upstream = manifests.load(PROJECT, MODULE, f"{MANIFESTS}/ml-pipeline-apiserver-role.yaml")
        rules = manifests.find(upstream, "Role", SERVICE)["rules"]
        access = AccessRights(owner=self._owner, account=SERVICE)
        in_runs = access.elsewhere(self._args.runs_namespace)
        return [access.service_account(), in_runs.in_namespace(rules, name=SERVICE)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        stores = args.stores or (network_policies.anywhere(),)
        gateway = [network_policies.in_namespace(args.gateway.namespace)] if args.gateway else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(SERVICE),
            spec=network_policies.exception(
                self._owner.selector,
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
            opts=self._owner.child(),
        )

    def _environment(self) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        database, artifacts = self._args.database, self._args.artifacts
        endpoint = pulumi.Output.from_input(artifacts.endpoint).apply(object_store_access.split_endpoint)
        plain: dict[str, pulumi.Input[str]] = {
            # By this name upstream means the namespace of runs (backend/src/apiserver/common/config.go).
            "POD_NAMESPACE": self._args.runs_namespace,
            "DBDRIVERNAME": "mysql",
            "DBCONFIG_MYSQLCONFIG_HOST": database.host,
            "DBCONFIG_MYSQLCONFIG_PORT": str(database.port),
            "DBCONFIG_MYSQLCONFIG_USER": database.username,
            "DBCONFIG_MYSQLCONFIG_DBNAME": database.database,
            "DBCONFIG_MYSQLCONFIG_EXTRAPARAMS": json.dumps(_connection_parameters(database), sort_keys=True),
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
            "PIPELINE_RUN_AS_USER": str(pod_security.USER),
            # The server does not start without the address of a service that is not deployed here.
            "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST": "localhost",
            "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT": str(HTTP_PORT),
        }
        keys = {"OBJECTSTORECONFIG_ACCESSKEY": "accesskey", "OBJECTSTORECONFIG_SECRETACCESSKEY": "secretkey"}
        if artifacts.keyless:
            keys = {}
        if database.authorities:
            # Go adds them to the file of the image, by which it goes on verifying everything else.
            plain["SSL_CERT_DIR"] = authorities.FOLDER
        return [
            *pod_inputs.plain_env(plain),
            *pod_inputs.secret_env(_DATABASE_SECRET, {"DBCONFIG_MYSQLCONFIG_PASSWORD": "password"}),
            *pod_inputs.secret_env(_ARTIFACTS_SECRET, keys),
        ]

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        trusted = authorities.deploy(
            self._owner,
            self._args.database.authorities,
            role="authorities",
            name="pipelines-database-authorities",
        )
        container = server_pods.container(
            "ml-pipeline-api-server",
            self._args.image,
            ["apiserver", "--config=/config", "-logtostderr=true", "--logLevel=info"],
            env=self._environment(),
            # Drivers look for the port named grpc.
            ports={"http": HTTP_PORT, "grpc": GRPC_PORT},
            mounts=(TMP, Mount(volume="config", path="/config"), *trusted.mounts),
            probe=pod_security.http_probe("/apis/v2beta1/healthz", HTTP_PORT),
            resources=pod_security.sizes(cpu="50m", memory="192Mi", memory_limit="1Gi"),
        )
        # Endpoints are withdrawn meanwhile, so the server gets no new connections when it ends.
        container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": 3}}}
        pod = server_pods.pod(
            container,
            volumes=[{"name": "config", "config_map": {"name": _SETTINGS}}, *trusted.volumes],
            service_account=SERVICE,
            # It ignores SIGTERM (backend/src/apiserver/main.go): a longer wait would only delay the kill.
            grace_seconds=5,
        )
        return replicated_server.deploy(
            self._owner,
            pod,
            role="server",
            name=SERVICE,
            replicas=self._args.replicas,
            after=[*after, *trusted.config_maps],
            annotations=server_pods.reads_at_start(self._configuration),
            # Two that start on an empty database race in its migrations: one exits, and starts again.
            exclusive=True,
        )
