"""An MLflow tracking server and model registry: schema migrated by one Job, artifacts proxied to a bucket."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection, ObjectStoreConnection, PostgresConnection
from components.shapes import (
    cluster_service,
    http_routes,
    job_pods,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
)
from components.shapes.labels import labels, selector
from components.versions import python_version

PORT = 5000
# Whose pods reach the bucket by an identity of their own, where the bucket has no keys.
ACCOUNT = "mlflow"
_USER = 65532
# Where the server keeps its counters while it runs.
_METRICS = "/tmp/metrics"
_SETTINGS = {
    "HOME": "/tmp",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Experimental services that would each add a process, or calls to the internet.
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # With fewer connections held per replica, replicas fit into the database's limit.
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "10",
    "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE": "300",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, kw_only=True)
class MlflowTrackingArgs:
    """What the tracking server needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: str
    """MLflow with psycopg and boto3."""
    database: PostgresConnection
    """Where experiments, runs and models are recorded."""
    artifacts: ObjectStoreConnection
    """Where artifacts lie; clients reach them through the server alone."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect."""
    gateway: GatewayConnection | None = None
    """Where to publish the server as `mlflow.<domain>`, if anywhere."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Where database and artifacts are; anywhere on their ports if not given."""
    replicas: int = 1
    """Servers; each holds one worker and about 500 MiB."""
    scratch_size: str = "2Gi"
    """Space for artifacts in transit: the largest times the uploads at once."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics: on the port of the API, so they reach that too."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a server that serves no one."""
        if self.replicas < 1:
            raise ValueError(f"replicas: {self.replicas}; give at least 1")
        if not self.clients:
            raise ValueError("clients: none given; name the pods or namespaces that may connect")


def allowed_hosts(service: str, namespace: str, domains: Sequence[str] = ()) -> str:
    """Return every Host header under which the server answers, with and without its port.

    MLflow refuses all others with 403, while /health answers: pods would be ready and every client fail.
    """
    names = [service, f"{service}.{namespace}", f"{service}.{namespace}.svc"]
    names += [f"{service}.{namespace}.svc.cluster.local", "localhost", "127.0.0.1", *domains]
    return ",".join(form for name in names for form in (name, f"{name}:*"))


def database_uri(connection: PostgresConnection, host: str, password: str) -> str:
    """Return SQLAlchemy's address of the database; the driver is named because the default is another."""
    account = f"{quote(connection.username, safe='')}:{quote(password, safe='')}"
    return f"postgresql+psycopg://{account}@{host}:{connection.port}/{connection.database}?sslmode=require"


class MlflowTracking(pulumi.ComponentResource):
    """One tracking server behind one Service."""

    tracking_uri: pulumi.Output[str]
    artifacts_destination: str

    def __init__(self, name: str, args: MlflowTrackingArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("mlflow")
        inputs = {"version": self._release, "replicas": args.replicas}
        super().__init__("plinth:index:MlflowTracking", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("mlflow", name, "server", version=self._release), **args.extra_labels}
        self._selector = {**selector("mlflow", name), "app.kubernetes.io/component": "server"}
        self._job_labels = {**self._labels, "app.kubernetes.io/component": "migration"}
        self.artifacts_destination = f"s3://{args.artifacts.bucket}"
        policies = self._network_policies()
        stores = self._stores_secret()
        migration = self._migration([stores, *policies])
        server = self._server([stores, migration, *policies])
        service = self._service(server)
        if args.replicas > 1:
            self._disruption_budget()
        if args.gateway:
            self._route(args.gateway)
        # Taken from the Service, which is known when the server answers.
        namespace = service.metadata["namespace"]
        self.tracking_uri = pulumi.Output.concat("http://", name, ".", namespace, f":{PORT}")
        self.register_outputs(
            {"tracking_uri": self.tracking_uri, "artifacts_destination": self.artifacts_destination}
        )

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _stores_secret(self) -> kubernetes.core.v1.Secret:
        database, artifacts = self._args.database, self._args.artifacts
        known = pulumi.Output.all(database.host, database.password)
        uri = pulumi.Output.secret(known.apply(lambda pair: database_uri(database, pair[0], pair[1])))
        keys: dict[str, pulumi.Input[str]] = {}
        if artifacts.access_key is not None and artifacts.secret_key is not None:
            keys["access-key"] = pulumi.Output.secret(artifacts.access_key)
            keys["secret-key"] = pulumi.Output.secret(artifacts.secret_key)
        return kubernetes.core.v1.Secret(
            f"{self._name}-stores",
            metadata=self._metadata("stores"),
            string_data={"database-uri": uri, **keys},
            opts=self._child,
        )

    def _environment(self) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        gateway = self._args.gateway
        domains = [f"mlflow.{gateway.domain}"] if gateway else []
        hosts = pulumi.Output.from_input(self._args.namespace).apply(
            # Metrics are read at the pod's address, which is known when it starts.
            lambda namespace: allowed_hosts(self._name, namespace, [*domains, "$(POD_IP)"])
        )
        keys = {"AWS_ACCESS_KEY_ID": "access-key", "AWS_SECRET_ACCESS_KEY": "secret-key"}
        if self._args.artifacts.keyless:
            keys = {}
        return [
            {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}},
            *pod_inputs.secret_env(
                f"{self._name}-stores", {"MLFLOW_BACKEND_STORE_URI": "database-uri", **keys}
            ),
            *pod_inputs.plain_env(
                {
                    **_SETTINGS,
                    "MLFLOW_ARTIFACTS_DESTINATION": self.artifacts_destination,
                    "MLFLOW_S3_ENDPOINT_URL": self._args.artifacts.url,
                    "AWS_DEFAULT_REGION": self._args.artifacts.region,
                    "MLFLOW_SERVER_ALLOWED_HOSTS": hosts,
                }
            ),
        ]

    def _migration(self, after: Sequence[pulumi.Resource]) -> kubernetes.batch.v1.Job:
        program = job_pods.JobProgram(module="migrate_tracking", files={})
        config_map = kubernetes.core.v1.ConfigMap(
            f"{self._name}-migration-program",
            metadata=self._metadata("migration"),
            data=program.data(),
            opts=self._child,
        )
        version = self._release.replace(".", "-")
        return kubernetes.batch.v1.Job(
            f"{self._name}-migration",
            # Named by version and image: another version is another Job, and runs before its server.
            metadata=self._metadata(f"migration-{version}-{program.digest(self._args.image)}"),
            spec=job_pods.spec(
                program,
                image=self._args.image,
                config_map=config_map.metadata["name"],
                labels=self._job_labels,
                env=[
                    *pod_inputs.secret_env(
                        f"{self._name}-stores", {"MLFLOW_BACKEND_STORE_URI": "database-uri"}
                    ),
                    *pod_inputs.plain_env({"MLFLOW_DISABLE_TELEMETRY": "true"}),
                ],
                user_id=_USER,
            ),
            opts=ResourceOptions(parent=self, depends_on=[*after]),
        )

    def _server(self, after: Sequence[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container: kubernetes.core.v1.ContainerArgsDict = {
            "name": "mlflow",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["mlflow", "server"],
            # One worker: with more, uvicorn delays each small answer by 40 ms. Scale by replicas.
            "args": [
                "--host=0.0.0.0",
                f"--port={PORT}",
                "--workers=1",
                "--serve-artifacts",
                f"--expose-prometheus={_METRICS}",
            ],
            "env": self._environment(),
            "ports": [{"name": "http", "container_port": PORT}],
            "startup_probe": pod_security.http_probe("/health", PORT, period_seconds=1, failures=120),
            "readiness_probe": pod_security.http_probe("/health", PORT, period_seconds=5, failures=3),
            "liveness_probe": pod_security.http_probe("/health", PORT, period_seconds=10, failures=6),
            "security_context": pod_security.container_context(),
            "resources": pod_security.sizes(cpu="100m", memory="512Mi", memory_limit="1280Mi"),
            "volume_mounts": [{"name": "tmp", "mount_path": "/tmp"}],
        }
        pod: kubernetes.core.v1.PodSpecArgsDict = {
            "automount_service_account_token": False,
            "enable_service_links": False,
            "termination_grace_period_seconds": 15,
            "security_context": pod_security.pod_context(_USER),
            "containers": [container],
            "volumes": [{"name": "tmp", "empty_dir": {"size_limit": self._args.scratch_size}}],
        }
        if self._args.artifacts.keyless:
            pod["service_account_name"] = self._account().metadata["name"]
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec={
                "replicas": self._args.replicas,
                # Servers of two versions must not share a schema.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": self._selector},
                "template": {"metadata": {"labels": self._labels}, "spec": pod},
            },
            opts=ResourceOptions(parent=self, depends_on=[*after]),
        )

    def _account(self) -> kubernetes.core.v1.ServiceAccount:
        return kubernetes.core.v1.ServiceAccount(
            f"{self._name}-account",
            metadata={"name": ACCOUNT, "namespace": self._args.namespace, "labels": self._labels},
            automount_service_account_token=False,
            opts=self._child,
        )

    def _service(self, server: pulumi.Resource) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(),
            selector=self._selector,
            ports={"http": PORT},
            parent=self,
            after=[server],
        )

    def _network_policies(self) -> list[pulumi.Resource]:
        gateway = self._args.gateway
        clients = [*self._args.clients]
        if gateway:
            clients.append(network_policies.in_namespace(gateway.namespace))
        stores = self._args.stores or (network_policies.anywhere(),)
        database = network_policies.egress(stores, self._args.database.port)
        artifacts = object_store_access.egress(self._args.artifacts, self._args.stores)
        rules = {
            "server": network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress([*clients, *self._args.scrapers], PORT)],
                outgoing=[database, *artifacts],
            ),
            "migration": network_policies.exception(
                {"app.kubernetes.io/component": "migration", **selector("mlflow", self._name)},
                outgoing=[database],
            ),
        }
        return [
            kubernetes.networking.v1.NetworkPolicy(
                f"{self._name}-{role}-policy", metadata=self._metadata(role), spec=spec, opts=self._child
            )
            for role, spec in rules.items()
        ]

    def _disruption_budget(self) -> None:
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=self._metadata(),
            spec={"max_unavailable": 1, "selector": {"match_labels": self._selector}},
            opts=self._child,
        )

    def _route(self, gateway: GatewayConnection) -> None:
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=self._metadata(),
            spec=http_routes.spec(gateway, "mlflow", self._name, PORT),
            opts=self._child,
        )
