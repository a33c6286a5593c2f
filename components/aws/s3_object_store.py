"""S3 buckets, one per consumer, open only to pods that act as one of the bucket's accounts."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws.pod_identity import IdentityScope, PodIdentity, PodIdentityArgs, Statement
from components.connections import Bucket, ObjectStoreConnection
from components.shapes import object_store_access

_MOST = 63
_BUCKET_NAME = re.compile(r"^[a-z0-9][a-z0-9-]*[a-z0-9]$")
# S3 reserves these for names of its own.
_RESERVED = re.compile(r"^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|--x-s3|--table-s3)$")
_LOGS = "access-logs"
# Access logs say who read and wrote which object.
_LOG_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A Kubernetes service account whose pods act as an account of the object store."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class S3ObjectStoreArgs:
    """Inputs of `S3ObjectStore`."""

    name_prefix: str
    """Buckets are called `<prefix>-<bucket>`; all AWS customers share one namespace of names."""
    region: str
    """Region of the buckets."""
    buckets: tuple[Bucket, ...]
    """At least one."""
    accounts: Mapping[str, tuple[ServiceAccount, ...]]
    """Service accounts whose pods act as each account; there are no keys."""
    cluster_name: pulumi.Input[str]
    """Name of the service accounts' EKS cluster."""
    kms_key_arn: pulumi.Input[str]
    """KMS key that encrypts the objects."""
    deletable: bool = False
    """Whether buckets can be deleted together with their objects."""
    keep_replaced_days: int = 30
    """Days for which an overwritten or deleted object can be restored."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject buckets that AWS would reject or that nobody could use."""
        if not self.buckets:
            raise ValueError("buckets: none given; name at least one bucket and its owner")
        if self.keep_replaced_days < 1:
            raise ValueError(f"keep_replaced_days: {self.keep_replaced_days}; give at least 1")
        for each in (*(bucket.name for bucket in self.buckets), _LOGS):
            bucket_name(self.name_prefix, each)
        for bucket in self.buckets:
            for account in bucket.accounts:
                if not self.accounts.get(account):
                    known = ", ".join(sorted(self.accounts)) or "none"
                    raise ValueError(
                        f"buckets: {bucket.name} names account {account!r}, as which no pod acts; "
                        f"accounts has {known}"
                    )


def bucket_name(prefix: str, bucket: str) -> str:
    """Return the name of a bucket in AWS.

    Raises:
        ValueError: AWS would reject it.
    """
    name = f"{prefix}-{bucket}"
    if len(name) > _MOST:
        most = _MOST - len(bucket) - 1
        raise ValueError(
            f"name_prefix: {prefix!r} makes the bucket name {name!r}, {len(name)} characters of at most "
            f"{_MOST}; shorten it to {most}"
        )
    if not _BUCKET_NAME.match(name) or _RESERVED.search(name):
        raise ValueError(
            f"name_prefix: {prefix!r} makes the bucket name {name!r}; use lower-case letters, digits and "
            "dashes, with a letter or digit at both ends, and nothing that S3 reserves"
        )
    return name


def bucket_policy(name: str) -> dict[str, Any]:
    """Return the policy that denies unencrypted requests from anyone; roles alone grant rights."""
    everything = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    denials = {
        "OnlyEncryptedConnections": {"Bool": {"aws:SecureTransport": "false"}},
        "OnlyCurrentTls": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    }
    statements = [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": condition,
        }
        for sid, condition in denials.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def logs_policy(name: str, sources: list[str]) -> dict[str, Any]:
    """Return the policy of the bucket that S3 writes its access logs to."""
    policy = bucket_policy(name)
    policy["Statement"].append(
        {
            "Sid": "AccessLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"ArnLike": {"aws:SourceArn": [f"arn:aws:s3:::{each}" for each in sources]}},
        }
    )
    return policy


def lifecycle_rules(
    keep_replaced_days: int, expire_days: int | None
) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Return the rules that delete replaced objects and unfinished uploads by age, and all objects if set."""
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "replaced",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            "noncurrent_version_expiration": {"noncurrent_days": keep_replaced_days},
        }
    ]
    if expire_days is not None:
        rules.append(
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": {"days": expire_days},
            }
        )
    return rules


def statements(
    account: str, buckets: tuple[Bucket, ...], prefix: str, region: str, kms_key_arn: pulumi.Input[str]
) -> tuple[Statement, ...]:
    """Return the rights of pods that act as an account: the objects of its buckets alone."""
    owned = [bucket_name(prefix, each.name) for each in buckets if each.owner == account]
    readable = [bucket_name(prefix, each.name) for each in buckets if account in (each.owner, *each.readers)]
    rights = [*_folders(account, buckets, prefix)]
    if readable:
        rights.append(
            Statement(
                actions=object_store_access.LIST,
                resources=tuple(f"arn:aws:s3:::{each}" for each in readable),
            )
        )
        rights.append(
            Statement(
                actions=object_store_access.READ,
                resources=tuple(f"arn:aws:s3:::{each}/*" for each in readable),
            )
        )
    keys = ["kms:Decrypt"]
    writes = any(each.writes for bucket in buckets for each in bucket.folders if each.reader == account)
    if owned:
        # They may not delete versions, so that a mistake can be undone.
        rights.append(
            Statement(
                actions=object_store_access.WRITE,
                resources=tuple(f"arn:aws:s3:::{each}/*" for each in owned),
            )
        )
    if owned or writes:
        keys.append("kms:GenerateDataKey")
    rights.append(
        Statement(
            actions=tuple(keys),
            resources=(kms_key_arn,),
            conditions={"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        )
    )
    return tuple(rights)


def _folders(account: str, buckets: tuple[Bucket, ...], prefix: str) -> Iterator[Statement]:
    """Yield the rights to list and read the folders that are an account's, and to write into some."""
    for folder in (each for bucket in buckets for each in bucket.folders if each.reader == account):
        bucket = f"arn:aws:s3:::{bucket_name(prefix, folder.bucket)}"
        yield Statement(
            # Of the actions on buckets the one that has a prefix; readers need no other.
            actions=object_store_access.LIST[:1],
            resources=(bucket,),
            conditions={"StringLike": {"s3:prefix": f"{folder.prefix}*"}},
        )
        yield Statement(actions=object_store_access.READ, resources=(f"{bucket}/{folder.prefix}*",))
        if folder.writes:
            yield Statement(
                actions=object_store_access.WRITE,
                resources=(f"{bucket}/{folder.prefix}{folder.writes}",),
            )


def _roles(service_accounts: Sequence[ServiceAccount]) -> Iterator[tuple[str, ServiceAccount]]:
    """Yield each service account with a role of its own: its name, and the namespace if that is taken."""
    named: set[str] = set()
    for each in service_accounts:
        yield (f"{each.name}-{each.namespace}" if each.name in named else each.name), each
        named.add(each.name)


class S3ObjectStore(pulumi.ComponentResource):
    """Buckets, and an identity for every service account that uses them."""

    def __init__(self, name: str, args: S3ObjectStoreArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"buckets": [bucket.name for bucket in args.buckets], "accounts": sorted(args.accounts)}
        super().__init__("plinth:index:S3ObjectStore", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._endpoint = f"s3.{args.region}.amazonaws.com:443"
        logs = self._logs_bucket()
        self._ready = {bucket.name: self._bucket(bucket, logs) for bucket in args.buckets}
        self._identities = {
            account: [self._identity(account, role, each) for role, each in _roles(service_accounts)]
            for account, service_accounts in args.accounts.items()
        }
        self.register_outputs({"endpoint": self._endpoint})

    def connection(self, bucket: str, account: str) -> ObjectStoreConnection:
        """Return the connection of one account to one bucket.

        Raises:
            ValueError: the account may not use the bucket.
        """
        named = next((each for each in self._args.buckets if each.name == bucket), None)
        if named is None or account not in named.accounts:
            raise ValueError(
                f"account {account!r} may not use bucket {bucket!r}: add it to S3ObjectStoreArgs.buckets"
            )
        # Resolved by bucket and identities, so that no consumer starts before it has its rights.
        after = pulumi.Output.all(
            self._ready[bucket], *(each.service_account for each in self._identities[account])
        )
        return ObjectStoreConnection(
            endpoint=after.apply(lambda _: self._endpoint),
            region=self._args.region,
            bucket=bucket_name(self._args.name_prefix, bucket),
            secure=True,
            public=True,
        )

    def _tags(self, role: str) -> dict[str, str]:
        return {"Name": f"{self._name}-{role}", **self._args.tags}

    def _identity(self, account: str, role: str, service_account: ServiceAccount) -> PodIdentity:
        args = self._args
        return PodIdentity(
            f"{self._name}-{account}-{role}",
            PodIdentityArgs(
                scope=IdentityScope(cluster_name=args.cluster_name, namespace=service_account.namespace),
                service_account=service_account.name,
                statements=statements(account, args.buckets, args.name_prefix, args.region, args.kms_key_arn),
                tags=args.tags,
            ),
            self._child,
        )

    def _closed_bucket(self, role: str, *, expire_days: int | None = None) -> aws.s3.Bucket:
        bucket = aws.s3.Bucket(
            f"{self._name}-{role}",
            bucket=bucket_name(self._args.name_prefix, role),
            force_destroy=self._args.deletable,
            tags=self._tags(role),
            opts=self._child,
        )
        aws.s3.BucketPublicAccessBlock(
            f"{self._name}-{role}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        aws.s3.BucketOwnershipControls(
            f"{self._name}-{role}-ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=self._child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{self._name}-{role}-versioning",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=self._child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-{role}-lifecycle",
            # Resolved by the versioning: without it, there are no replaced objects.
            bucket=versioning.bucket,
            rules=lifecycle_rules(self._args.keep_replaced_days, expire_days),
            opts=self._child,
        )
        return bucket

    def _bucket(self, wanted: Bucket, logs: pulumi.Output[str]) -> pulumi.Output[str]:
        role = wanted.name
        bucket = self._closed_bucket(role, expire_days=wanted.keep_days)
        aws.s3.BucketLogging(
            f"{self._name}-{role}-logging",
            bucket=bucket.bucket,
            target_bucket=logs,
            target_prefix=f"{role}/",
            opts=self._child,
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-{role}-encryption",
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": self._args.kms_key_arn,
                    },
                    # Without it every object costs a request to KMS.
                    "bucket_key_enabled": True,
                }
            ],
            opts=self._child,
        )
        policy = self._policy(role, bucket, bucket_policy(bucket_name(self._args.name_prefix, role)))
        return pulumi.Output.all(encryption.bucket, policy.bucket).apply(lambda names: str(names[0]))

    def _logs_bucket(self) -> pulumi.Output[str]:
        bucket = self._closed_bucket(_LOGS, expire_days=_LOG_DAYS)
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-{_LOGS}-encryption",
            bucket=bucket.bucket,
            # S3 does not write access logs to a bucket whose default key is a KMS key.
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=self._child,
        )
        prefix = self._args.name_prefix
        sources = [bucket_name(prefix, each.name) for each in self._args.buckets]
        policy = self._policy(_LOGS, bucket, logs_policy(bucket_name(prefix, _LOGS), sources))
        return policy.bucket

    def _policy(self, role: str, bucket: aws.s3.Bucket, document: dict[str, Any]) -> aws.s3.BucketPolicy:
        return aws.s3.BucketPolicy(
            f"{self._name}-{role}-policy",
            bucket=bucket.bucket,
            policy=json.dumps(document, sort_keys=True),
            opts=self._child,
        )
