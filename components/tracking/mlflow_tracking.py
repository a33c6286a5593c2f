"""An MLflow tracking server and model registry: one Job migrates the schema; artifacts go to a bucket.

Every team has a workspace of it, behind a proxy of its own (`workspace_proxy`); the stack itself has MLflow's
default one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection, ObjectStoreConnection, PostgresConnection
from components.shapes import (
    authorities,
    cluster_service,
    job_pods,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.access_rights import AccessRights
from components.shapes.labels import COMPONENT, NAME, selector
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP
from components.tracking import workspace_proxy
from components.tracking.workspace_proxy import PORT, WorkspaceProxyArgs
from components.versions import python_version
from workloads.contract import DEFAULT_WORKSPACE, Host

SERVER: Final = "mlflow-server"
"""Name of the server's own Service, which proxies alone reach."""
POD_LABELS: Final[Mapping[str, str]] = {NAME: "mlflow", COMPONENT: "server"}
ACCOUNT = "mlflow"
"""Service account of pods that reach a bucket without keys."""
# Artifacts on their way to clients: the size of the largest times the number of downloads at once. Uploads
# pass without a copy.
_SCRATCH = "8Gi"
_WORKSPACES = "workspaces.json"
# Folder of the migration's one secret.
_STORES = "/stores"
# Counters of the running server.
_METRICS = "/tmp/metrics"
_SETTINGS = {
    "HOME": "/tmp",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_WORKSPACES": "true",
    # Experimental services; each would add a process or calls to the internet.
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # Fewer connections per replica, so that replicas fit into the database's limit.
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "10",
    "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE": "300",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, kw_only=True)
class MlflowTrackingArgs:
    """Inputs of `MlflowTracking`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image with MLflow, psycopg and boto3."""
    proxy_image: str
    """Image of HAProxy."""
    database: PostgresConnection
    """Database of experiments, runs and models."""
    artifacts: ObjectStoreConnection
    """Bucket of artifacts; unless it is public, clients reach it through the server alone."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect to the stack's own workspace."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes that workspace, if any."""
    teams: tuple[str, ...] = ()
    """Teams, each with a workspace; that of a former team stays, and nobody reaches it."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of database and object store; by default anything on their ports."""
    replicas: int = 1
    """Servers; each runs one worker and takes about 500 MiB."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics: on the port of the API, so they can call that too."""

    def __post_init__(self) -> None:
        """Reject a server without pods."""
        replicated_server.check(self.replicas)


def allowed_hosts(service: str, hosts: Sequence[str]) -> str:
    """Return every Host header that the server accepts, with and without its port.

    MLflow answers all others with 403, except for /health: pods would be ready while every client fails. The
    names of teams' workspaces are a pattern, so that a new team restarts nothing; their proxies accept each
    its own.
    """
    return ",".join([*(form for name in hosts for form in (name, f"{name}:*")), f"{service}-*"])


def database_uri(connection: PostgresConnection, host: str, password: str) -> str:
    """Return SQLAlchemy's URL of the database; it names the driver, which is not the default."""
    account = f"{quote(connection.username, safe='')}:{quote(password, safe='')}"
    mode = "verify-full" if connection.authorities else "require"
    return f"postgresql+psycopg://{account}@{host}:{connection.port}/{connection.database}?sslmode={mode}"


def trust(path: str) -> dict[str, str]:
    """Return the variable by which Postgres' client finds its authorities, if there are any."""
    return {"PGSSLROOTCERT": path} if path else {}


def destination(artifacts: ObjectStoreConnection) -> str:
    """Return the URI of the bucket as the server gets it.

    For `s3` MLflow signs addresses in the object store, and clients fetch and send large files there
    themselves. Where only the cluster knows the store's name, a scheme of the image's own lets every byte
    pass through the server instead.
    """
    return f"{'s3' if artifacts.public else 'proxied-s3'}://{artifacts.bucket}"


class MlflowTracking(pulumi.ComponentResource):
    """Tracking servers, and the workspace of the stack itself."""

    tracking_uri: pulumi.Output[str]

    def __init__(self, name: str, args: MlflowTrackingArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("mlflow")
        inputs = {"version": self._release, "replicas": args.replicas}
        super().__init__("plinth:index:MlflowTracking", name, inputs, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self,
            name,
            args.namespace,
            product="mlflow",
            role="server",
            version=self._release,
            select_role=True,
        )
        policies = self._network_policies()
        self._trusted = authorities.deploy(
            self._owner, args.database.authorities, role="authorities", name=f"{name}-database-authorities"
        )
        stores = self._stores_secret()
        migration = self._migration([stores, *policies])
        server = self._server([stores, migration, *policies])
        own = cluster_service.deploy(
            self._owner, SERVER, {"http": PORT}, resource="server-service", after=[server]
        )
        service = workspace_proxy.deploy(
            workspace_proxy.owner(self, name, args.namespace),
            name,
            WorkspaceProxyArgs(
                image=args.proxy_image,
                workspace=DEFAULT_WORKSPACE,
                server=SERVER,
                clients=args.clients,
                multipart=args.artifacts.public,
                gateway=args.gateway,
                host=Host.TRACKING,
                replicas=args.replicas,
            ),
            after=[own],
        )
        self.tracking_uri = workspace_proxy.url(service)
        self.register_outputs({"tracking_uri": self.tracking_uri})

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
            metadata=self._owner.metadata(f"{self._name}-stores"),
            string_data={"database-uri": uri, **keys},
            opts=self._owner.child(),
        )

    def _environment(self) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        gateway = self._args.gateway
        domains = [Host.TRACKING.below(gateway.domain)] if gateway else []
        hosts = pulumi.Output.from_input(self._args.namespace).apply(
            # Prometheus scrapes the pod's address, which is known when the pod starts.
            lambda namespace: allowed_hosts(
                self._name,
                [*workspace_proxy.known_hosts(self._name, namespace, domains), "$(POD_IP)"],
            )
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
                    **trust(authorities.PATH if self._trusted.mounts else ""),
                    "MLFLOW_ARTIFACTS_DESTINATION": destination(self._args.artifacts),
                    "MLFLOW_S3_ENDPOINT_URL": self._args.artifacts.url,
                    "AWS_DEFAULT_REGION": self._args.artifacts.region,
                    "MLFLOW_SERVER_ALLOWED_HOSTS": hosts,
                }
            ),
        ]

    def _migration(self, after: Sequence[pulumi.Resource]) -> kubernetes.batch.v1.Job:
        files = {
            _WORKSPACES: json.dumps(sorted(self._args.teams)),
            **job_pods.authorities(self._args.database.authorities),
        }
        program = job_pods.JobProgram(module="migrate_tracking", files=files)
        config_map = job_pods.create_program(
            self._owner, program, role="migration-program", name=f"{self._name}-migration"
        )
        version = self._release.replace(".", "-")
        digest = program.digest(self._args.image)
        return kubernetes.batch.v1.Job(
            f"{self._name}-migration",
            # Named after version, image and teams: what is new is a new Job, and runs before the server.
            metadata=job_pods.metadata(self._owner, f"{self._name}-migration-{version}-{digest}"),
            spec=job_pods.spec(
                program,
                image=self._args.image,
                config_map=config_map.metadata["name"],
                labels={**self._owner.labels, COMPONENT: "migration"},
                env=pod_inputs.plain_env(
                    {
                        "DATABASE_URI_FILE": f"{_STORES}/database-uri",
                        "WORKSPACES_FILE": program.path(_WORKSPACES),
                        "MLFLOW_DISABLE_TELEMETRY": "true",
                        **trust(program.authorities),
                    }
                ),
                secrets={_STORES: (f"{self._name}-stores", ("database-uri",))},
            ),
            opts=self._owner.child(after),
        )

    def _server(self, after: Sequence[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        return replicated_server.deploy(
            self._owner,
            self._pod(),
            role="server",
            name=self._name,
            replicas=self._args.replicas,
            after=[*after, *self._trusted.config_maps],
            # No second server of 500 MiB on a rollout, and no two versions on one schema. Of several servers
            # the migration has changed the schema already: to stop them all first would protect nothing.
            exclusive=True,
        )

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            "mlflow",
            self._args.image,
            ["mlflow", "server"],
            # One worker: with more, uvicorn delays each small answer by 40 ms. Scale by replicas.
            args=[
                "--host=0.0.0.0",
                f"--port={PORT}",
                "--workers=1",
                "--serve-artifacts",
                f"--expose-prometheus={_METRICS}",
            ],
            env=self._environment(),
            ports={"http": PORT},
            mounts=(TMP, *self._trusted.mounts),
            probe=pod_security.http_probe("/health", PORT, startup_seconds=120),
            resources=pod_security.sizes(cpu="100m", memory="512Mi", memory_limit="1280Mi"),
        )
        pod = server_pods.pod(container, volumes=self._trusted.volumes, scratch=_SCRATCH)
        if self._args.artifacts.keyless:
            # An identity in the cloud alone: the server does not call the Kubernetes API.
            pod["service_account_name"] = self._account().metadata["name"]
        return pod

    def _account(self) -> kubernetes.core.v1.ServiceAccount:
        return AccessRights(owner=self._owner, account=ACCOUNT).service_account()

    def _network_policies(self) -> list[pulumi.Resource]:
        proxies = network_policies.pods(workspace_proxy.POD_LABELS)
        stores = self._args.stores or (network_policies.anywhere(),)
        database = network_policies.egress(stores, self._args.database.port)
        artifacts = object_store_access.egress(self._args.artifacts, self._args.stores)
        rules = {
            "server": network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress([proxies, *self._args.scrapers], PORT)],
                outgoing=[database, *artifacts],
            ),
            "migration": network_policies.exception(
                {COMPONENT: "migration", **selector("mlflow", self._name)}, outgoing=[database]
            ),
        }
        return [
            kubernetes.networking.v1.NetworkPolicy(
                f"{self._name}-{role}-policy",
                metadata=self._owner.metadata(f"{self._name}-{role}"),
                spec=spec,
                opts=self._owner.child(),
            )
            for role, spec in rules.items()
        ]
