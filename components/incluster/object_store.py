"""An S3 object store on one volume (versitygw): a bucket per consumer, and own credentials for each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import Bucket, GatewayConnection, ObjectStoreConnection
from components.shapes import (
    cluster_service,
    http_routes,
    job_pods,
    network_policies,
    pod_inputs,
    pod_security,
)
from components.shapes.labels import labels, selector

PORT = 9000
METRICS_PORT = 9102
# versitygw refuses requests signed for any other region.
REGION = "us-east-1"
ADMINISTRATOR = "administrator"
# Where the store tells its side-car what it did, one datagram per request.
_EVENTS_PORT = 9125
_USER = 65532
_BUCKET_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """What the object store needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: pulumi.Input[str]
    """versitygw."""
    job_image: pulumi.Input[str]
    """An image with Python and boto3, for the Job that makes the buckets."""
    buckets: tuple[Bucket, ...]
    """At least one."""
    accounts: Mapping[str, pulumi.Input[str]]
    """Access key -> secret key of every consumer."""
    administrator_secret: pulumi.Input[str]
    """Secret key of the account that creates buckets and sets policies; no consumer gets it."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect."""
    gateway: GatewayConnection | None = None
    """Where to publish the S3 API as `objects.<domain>`, if anywhere."""
    storage_size: str = "10Gi"
    """Size of the volume that holds all objects."""
    storage_class: str | None = None
    """The cluster's default if not given."""
    metrics_image: str | None = None
    """statsd_exporter: it makes metrics of what the store tells; no metrics if not given."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse buckets that no one could use."""
        if not self.buckets:
            raise ValueError("buckets: none given; name at least one bucket and its owner")
        if ADMINISTRATOR in self.accounts:
            raise ValueError(f"accounts: {ADMINISTRATOR!r} is the store's own; choose another name")
        for bucket in self.buckets:
            if not _BUCKET_NAME.match(bucket.name):
                raise ValueError(
                    f"buckets: {bucket.name!r}; use 3 to 63 lower-case letters, digits and dashes"
                )
            for account in (bucket.owner, *bucket.readers):
                if account not in self.accounts:
                    known = ", ".join(sorted(self.accounts)) or "none"
                    raise ValueError(
                        f"buckets: {bucket.name} names account {account!r}; accounts has {known}"
                    )


def bucket_policy(bucket: Bucket) -> dict[str, Any]:
    """Return the policy document: everything for the owner, reading and listing for the readers."""
    resources = [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Principal": {"AWS": [bucket.owner]}, "Action": "s3:*", "Resource": resources}
    ]
    if bucket.readers:
        readable = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
        principal = {"AWS": sorted(bucket.readers)}
        statements.append(
            {"Effect": "Allow", "Principal": principal, "Action": readable, "Resource": resources}
        )
    return {"Version": "2012-10-17", "Statement": statements}


def users_file(secrets: Mapping[str, str]) -> str:
    """Return versitygw's user file; role `user` may do nothing but what bucket policies allow."""
    accounts = {
        access: {
            "access": access,
            "secret": secret,
            "role": "user",
            "userID": 0,
            "groupID": 0,
            "projectID": 0,
        }
        for access, secret in sorted(secrets.items())
    }
    return json.dumps({"accessAccounts": accounts}, sort_keys=True)


class ObjectStore(pulumi.ComponentResource):
    """versitygw on one volume, its users and its buckets."""

    endpoint: pulumi.Output[str]

    def __init__(self, name: str, args: ObjectStoreArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"buckets": [bucket.name for bucket in args.buckets], "accounts": sorted(args.accounts)}
        super().__init__("plinth:index:ObjectStore", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("versitygw", name, "object-store"), **args.extra_labels}
        self._selector = selector("versitygw", name)
        self._job_labels = {**selector("object-store-buckets", name), **args.extra_labels}
        policies = self._network_policies()
        service = self._service()
        server = self._server(self._credentials(), self._volume(), policies)
        job = self._buckets_job([server, service, *policies])
        if args.gateway:
            self._route(args.gateway, service)
        # Taken from the Job, so that every consumer finds its bucket.
        self.endpoint = pulumi.Output.concat(name, ".", job.metadata["namespace"], f":{PORT}")
        self.register_outputs({"endpoint": self.endpoint})

    def connection(self, bucket: str, account: str) -> ObjectStoreConnection:
        """Return one account's way to one bucket.

        Raises:
            ValueError: the account has no part in the bucket.
        """
        found = next((each for each in self._args.buckets if each.name == bucket), None)
        if found is None or account not in (found.owner, *found.readers):
            raise ValueError(
                f"account {account!r} may not use bucket {bucket!r}: add it to ObjectStoreArgs.buckets"
            )
        return ObjectStoreConnection(
            endpoint=self.endpoint,
            region=REGION,
            bucket=bucket,
            access_key=pulumi.Output.from_input(account),
            secret_key=pulumi.Output.secret(self._args.accounts[account]),
            secure=False,
        )

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _credentials(self) -> kubernetes.core.v1.Secret:
        users = pulumi.Output.secret(pulumi.Output.all(**self._args.accounts).apply(users_file))
        return kubernetes.core.v1.Secret(
            f"{self._name}-credentials",
            metadata=self._metadata("credentials"),
            string_data={
                "access-key": ADMINISTRATOR,
                "secret-key": pulumi.Output.secret(self._args.administrator_secret),
                "users.json": users,
            },
            opts=self._child,
        )

    def _volume(self) -> kubernetes.core.v1.PersistentVolumeClaim:
        metadata = self._metadata()
        # A class that waits for the first consumer binds only when the pod below exists.
        metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        return kubernetes.core.v1.PersistentVolumeClaim(
            f"{self._name}-volume",
            metadata=metadata,
            spec=pod_inputs.claim(self._args.storage_size, self._args.storage_class),
            opts=self._child,
        )

    def _environment(self, access: str, secret: str) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        return pod_inputs.secret_env(
            f"{self._name}-credentials", {access: "access-key", secret: "secret-key"}
        )

    def _server(
        self,
        credentials: kubernetes.core.v1.Secret,
        volume: kubernetes.core.v1.PersistentVolumeClaim,
        policies: Sequence[pulumi.Resource],
    ) -> kubernetes.apps.v1.Deployment:
        probe = pod_security.http_probe("/health", PORT, period_seconds=1, failures=60)
        container: kubernetes.core.v1.ContainerArgsDict = {
            "name": "versitygw",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "args": [
                f"--port=:{PORT}",
                f"--region={REGION}",
                "--health=/health",
                "--quiet",
                "--iam-dir=/users",
                "--iam-cache-ttl=5",
                *([f"--metrics-statsd-servers=127.0.0.1:{_EVENTS_PORT}"] if self._args.metrics_image else []),
                "posix",
                "/data",
            ],
            "env": self._environment("ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"),
            "ports": [{"name": "s3", "container_port": PORT}],
            "startup_probe": probe,
            "readiness_probe": pod_security.http_probe("/health", PORT, period_seconds=5, failures=3),
            "liveness_probe": pod_security.http_probe("/health", PORT, period_seconds=10, failures=6),
            "security_context": pod_security.container_context(),
            "resources": pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="512Mi"),
            "volume_mounts": [
                {"name": "data", "mount_path": "/data"},
                {"name": "users", "mount_path": "/users", "read_only": True},
            ],
        }
        users: kubernetes.core.v1.SecretVolumeSourceArgsDict = {
            "secret_name": credentials.metadata["name"],
            "items": [{"key": "users.json", "path": "users.json"}],
        }
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec={
                "replicas": 1,
                # Two servers on one volume would race on the same files.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": self._selector},
                "template": {
                    "metadata": {"labels": self._labels},
                    "spec": {
                        "automount_service_account_token": False,
                        "enable_service_links": False,
                        "termination_grace_period_seconds": 10,
                        "security_context": pod_security.pod_context(_USER),
                        "containers": [container, *self._exporter()],
                        "volumes": [
                            {
                                "name": "data",
                                "persistent_volume_claim": {"claim_name": volume.metadata["name"]},
                            },
                            {"name": "users", "secret": users},
                        ],
                    },
                },
            },
            opts=ResourceOptions(parent=self, depends_on=[*policies]),
        )

    def _exporter(self) -> list[kubernetes.core.v1.ContainerArgsDict]:
        if not self._args.metrics_image:
            return []
        return [
            {
                "name": "exporter",
                "image": self._args.metrics_image,
                "image_pull_policy": "IfNotPresent",
                "command": ["/usr/local/bin/statsd_exporter"],
                "args": [
                    f"--web.listen-address=:{METRICS_PORT}",
                    f"--statsd.listen-udp=127.0.0.1:{_EVENTS_PORT}",
                    "--statsd.listen-tcp=",
                ],
                "ports": [{"name": "metrics", "container_port": METRICS_PORT}],
                "security_context": pod_security.container_context(),
                "resources": pod_security.sizes(cpu="5m", memory="16Mi", memory_limit="64Mi"),
            }
        ]

    def _service(self) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(),
            selector=self._selector,
            ports={"s3": PORT},
            parent=self,
        )

    def _buckets_job(self, after: Sequence[pulumi.Resource]) -> kubernetes.batch.v1.Job:
        policies = {bucket.name: bucket_policy(bucket) for bucket in self._args.buckets}
        program = job_pods.JobProgram(
            module="create_buckets", files={"buckets.json": json.dumps(policies, sort_keys=True)}
        )
        config_map = kubernetes.core.v1.ConfigMap(
            f"{self._name}-buckets-program",
            metadata=self._metadata("buckets"),
            data=program.data(),
            opts=self._child,
        )
        return kubernetes.batch.v1.Job(
            f"{self._name}-buckets",
            # Named by its content: changed buckets or policies are another Job.
            metadata=self._metadata(f"buckets-{program.digest()}"),
            spec=job_pods.spec(
                program,
                image=self._args.job_image,
                config_map=config_map.metadata["name"],
                labels=self._job_labels,
                env=[
                    *pod_inputs.plain_env(
                        {
                            "OBJECT_STORE_URL": f"http://{self._name}:{PORT}",
                            "AWS_DEFAULT_REGION": REGION,
                            "BUCKETS_FILE": program.path("buckets.json"),
                        }
                    ),
                    *self._environment("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                ],
                user_id=_USER,
            ),
            opts=ResourceOptions(parent=self, depends_on=[*after]),
        )

    def _network_policies(self) -> list[pulumi.Resource]:
        job = network_policies.pods(self._job_labels)
        gateway = [network_policies.in_namespace(self._args.gateway.namespace)] if self._args.gateway else []
        peers = [job, *self._args.clients, *gateway]
        scrapers = self._args.scrapers
        metrics = [network_policies.ingress(scrapers, METRICS_PORT)] if scrapers else []
        rules = {
            "server": network_policies.exception(
                self._selector, incoming=[network_policies.ingress(peers, PORT), *metrics]
            ),
            "buckets": network_policies.exception(
                self._job_labels,
                outgoing=[network_policies.egress([network_policies.pods(self._selector)], PORT)],
            ),
        }
        return [
            kubernetes.networking.v1.NetworkPolicy(
                f"{self._name}-{role}-policy", metadata=self._metadata(role), spec=spec, opts=self._child
            )
            for role, spec in rules.items()
        ]

    def _route(self, gateway: GatewayConnection, service: kubernetes.core.v1.Service) -> None:
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=self._metadata(),
            spec=http_routes.spec(gateway, "objects", service.metadata["name"], PORT),
            opts=self._child,
        )
