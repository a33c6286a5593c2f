"""An S3 object store on one volume (versitygw), with a bucket and credentials per consumer."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import Bucket, GatewayConnection, ObjectStoreConnection
from components.shapes import (
    cluster_service,
    http_routes,
    job_pods,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
    server_pods,
)
from components.shapes.labels import NAME, selector
from components.shapes.owner import Owner
from components.shapes.server_pods import Mount
from workloads.contract import Host

PORT = 9000
METRICS_PORT = 9102
POD_LABELS: Final[Mapping[str, str]] = {NAME: "versitygw"}
# versitygw rejects requests signed for any other region.
REGION = "us-east-1"
ADMINISTRATOR = "administrator"
# The store sends its side-car one datagram per request.
_EVENTS_PORT = 9125
_CREDENTIALS = "/credentials"
_BUCKET_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """Inputs of `ObjectStore`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of versitygw."""
    job_image: pulumi.Input[str]
    """Image with Python and boto3, for the Job that creates the buckets."""
    buckets: tuple[Bucket, ...]
    """At least one."""
    accounts: Mapping[str, pulumi.Input[str]]
    """Secret key by access key, of every consumer."""
    administrator_secret: pulumi.Input[str]
    """Secret key of the account that creates buckets and sets policies; no consumer gets it."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes the S3 API, if any."""
    storage_size: str = "10Gi"
    """Size of the volume that holds all objects."""
    metrics_image: str | None = None
    """Image of statsd_exporter, which turns the store's events into metrics; without it, no metrics."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""

    def __post_init__(self) -> None:
        """Reject buckets that nobody could use."""
        if not self.buckets:
            raise ValueError("buckets: none given; name at least one bucket and its owner")
        if ADMINISTRATOR in self.accounts:
            raise ValueError(f"accounts: {ADMINISTRATOR!r} is the store's own; choose another name")
        for bucket in self.buckets:
            if not _BUCKET_NAME.match(bucket.name):
                raise ValueError(
                    f"buckets: {bucket.name!r}; use 3 to 63 lower-case letters, digits and dashes"
                )
            for account in bucket.accounts:
                if account not in self.accounts:
                    known = ", ".join(sorted(self.accounts)) or "none"
                    raise ValueError(
                        f"buckets: {bucket.name} names account {account!r}; accounts has {known}"
                    )


def bucket_policy(bucket: Bucket) -> dict[str, Any]:
    """Return the policy of a bucket: its owner reads and writes objects, its readers read and list them.

    Whoever reads one folder may list the names in the others: versitygw's policies know no conditions.
    """
    itself, objects = f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(sorted({*bucket.accounts}), object_store_access.LIST, itself),
            _allow(sorted({bucket.owner, *bucket.readers}), object_store_access.READ, objects),
            *(
                _allow([each.reader], object_store_access.READ, f"{itself}/{each.prefix}*")
                for each in bucket.folders
            ),
            _allow([bucket.owner], object_store_access.WRITE, objects),
            *(
                _allow([each.reader], object_store_access.WRITE, f"{itself}/{each.prefix}{each.writes}")
                for each in bucket.folders
                if each.writes
            ),
        ],
    }


def _allow(accounts: Sequence[str], actions: Sequence[str], resource: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": [*accounts]},
        "Action": [*actions],
        "Resource": [resource],
    }


def users_file(secrets: Mapping[str, str]) -> str:
    """Return versitygw's user file; the role `user` may do only what bucket policies allow."""
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

    def __init__(self, name: str, args: ObjectStoreArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"buckets": [bucket.name for bucket in args.buckets], "accounts": sorted(args.accounts)}
        super().__init__("plinth:index:ObjectStore", name, inputs, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="versitygw", role="object-store")
        self._job_labels = selector("object-store-buckets", name)
        policies = self._network_policies()
        service = cluster_service.deploy(self._owner, name, {"s3": PORT})
        # Two servers on one volume would race on the same files: `deploy` never runs two at once.
        server = server_pods.deploy(
            self._owner,
            self._pod(self._credentials()),
            role="server",
            name=name,
            after=policies,
            annotations=server_pods.reads_at_start(sorted(args.accounts)),
        )
        job = self._buckets_job([server, service, *policies])
        if args.gateway:
            http_routes.deploy(
                self._owner,
                args.gateway,
                Host.OBJECTS,
                name=name,
                service=service.metadata["name"],
                port=PORT,
            )
        # Resolved by the Job, so that every consumer finds its bucket.
        self._endpoint = pulumi.Output.concat(name, ".", job.metadata["namespace"], f":{PORT}")
        self.register_outputs({"endpoint": self._endpoint})

    def connection(self, bucket: str, account: str) -> ObjectStoreConnection:
        """Return the connection of one account to one bucket.

        Raises:
            ValueError: the account may not use the bucket.
        """
        named = next((each for each in self._args.buckets if each.name == bucket), None)
        if named is None or account not in named.accounts:
            raise ValueError(
                f"account {account!r} may not use bucket {bucket!r}: add it to ObjectStoreArgs.buckets"
            )
        return ObjectStoreConnection(
            endpoint=self._endpoint,
            region=REGION,
            bucket=bucket,
            access_key=pulumi.Output.from_input(account),
            secret_key=pulumi.Output.secret(self._args.accounts[account]),
            secure=False,
        )

    def _credentials(self) -> kubernetes.core.v1.Secret:
        users = pulumi.Output.secret(pulumi.Output.all(**self._args.accounts).apply(users_file))
        return kubernetes.core.v1.Secret(
            f"{self._name}-credentials",
            metadata=self._owner.metadata(f"{self._name}-credentials"),
            string_data={
                "access-key": ADMINISTRATOR,
                "secret-key": pulumi.Output.secret(self._args.administrator_secret),
                "users.json": users,
            },
            opts=self._owner.child(),
        )

    def _pod(self, credentials: kubernetes.core.v1.Secret) -> kubernetes.core.v1.PodSpecArgsDict:
        users: kubernetes.core.v1.SecretVolumeSourceArgsDict = {
            "secret_name": credentials.metadata["name"],
            "items": [{"key": "users.json", "path": "users.json"}],
        }
        claim = pod_inputs.create_claim(self._owner, self._name, self._args.storage_size)
        return server_pods.pod(
            self._server(),
            *self._exporter(),
            volumes=[pod_inputs.claim_volume("data", claim), {"name": "users", "secret": users}],
            scratch=None,
            grace_seconds=10,
        )

    def _server(self) -> kubernetes.core.v1.ContainerArgsDict:
        return server_pods.container(
            "versitygw",
            self._args.image,
            (),
            args=[
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
            env=pod_inputs.secret_env(
                f"{self._name}-credentials",
                {"ROOT_ACCESS_KEY": "access-key", "ROOT_SECRET_KEY": "secret-key"},
            ),
            ports={"s3": PORT},
            mounts=(
                Mount(volume="data", path="/data", writable=True),
                Mount(volume="users", path="/users"),
            ),
            probe=pod_security.http_probe("/health", PORT, startup_seconds=60),
            resources=pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="512Mi"),
        )

    def _exporter(self) -> list[kubernetes.core.v1.ContainerArgsDict]:
        if not self._args.metrics_image:
            return []
        exporter = server_pods.container(
            "exporter",
            self._args.metrics_image,
            [
                "/usr/local/bin/statsd_exporter",
                f"--web.listen-address=:{METRICS_PORT}",
                f"--statsd.listen-udp=127.0.0.1:{_EVENTS_PORT}",
                "--statsd.listen-tcp=",
            ],
            ports={"metrics": METRICS_PORT},
            mounts=(),
            resources=pod_security.sizes(cpu="5m", memory="16Mi", memory_limit="64Mi"),
        )
        # No readiness: the store serves without its metrics too.
        exporter["liveness_probe"] = {
            "http_get": {"path": "/-/healthy", "port": METRICS_PORT},
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        }
        return [exporter]

    def _buckets_job(self, after: Sequence[pulumi.Resource]) -> kubernetes.batch.v1.Job:
        policies = {bucket.name: bucket_policy(bucket) for bucket in self._args.buckets}
        program = job_pods.JobProgram(
            module="create_buckets", files={"buckets.json": json.dumps(policies, sort_keys=True)}
        )
        config_map = job_pods.create_program(
            self._owner, program, role="buckets-program", name=f"{self._name}-buckets"
        )
        return kubernetes.batch.v1.Job(
            f"{self._name}-buckets",
            # Named after its content: changed buckets or policies are a new Job.
            metadata=job_pods.metadata(self._owner, f"{self._name}-buckets-{program.digest()}"),
            spec=job_pods.spec(
                program,
                image=self._args.job_image,
                config_map=config_map.metadata["name"],
                labels=self._job_labels,
                env=pod_inputs.plain_env(
                    {
                        "OBJECT_STORE_URL": f"http://{self._name}:{PORT}",
                        "AWS_DEFAULT_REGION": REGION,
                        "BUCKETS_FILE": program.path("buckets.json"),
                        "CREDENTIALS_FOLDER": _CREDENTIALS,
                    }
                ),
                secrets={_CREDENTIALS: (f"{self._name}-credentials", ("access-key", "secret-key"))},
            ),
            opts=self._owner.child(after),
        )

    def _network_policies(self) -> list[pulumi.Resource]:
        selector = self._owner.selector
        job = network_policies.pods(self._job_labels)
        gateway = [network_policies.in_namespace(self._args.gateway.namespace)] if self._args.gateway else []
        peers = [job, *self._args.clients, *gateway]
        scrapers = self._args.scrapers
        metrics = [network_policies.ingress(scrapers, METRICS_PORT)] if scrapers else []
        rules = {
            "server": network_policies.exception(
                selector, incoming=[network_policies.ingress(peers, PORT), *metrics]
            ),
            "buckets": network_policies.exception(
                self._job_labels,
                outgoing=[network_policies.egress([network_policies.pods(selector)], PORT)],
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
