"""Creates what must exist before a stack on AWS can share its state: a bucket, and a key for its secrets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.account import session
from infra.account.session import Account, code_of
from infra.account.unique_names import OWNER_TAG
from infra.errors import InfraError
from infra.settings.cluster import EksSettings

# Earlier states can be restored for as long.
_NONCURRENT_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where a stack's state and the key of its secrets are."""

    bucket: str
    alias: str
    region: str

    @property
    def url(self) -> str:
        """Value of PULUMI_BACKEND_URL."""
        return f"s3://{self.bucket}?region={self.region}"

    @property
    def secrets_provider(self) -> str:
        """Value of `secretsprovider` in the stack file."""
        return f"awskms://{self.alias}?region={self.region}"


def backend_of(cluster: EksSettings) -> Backend:
    """Return the names of a stack's backend; the account's number makes the bucket's globally unique."""
    return Backend(
        bucket=f"{cluster.name}-state-{cluster.account}",
        alias=f"alias/{cluster.name}-secrets",
        region=cluster.region,
    )


def run(account: Account, cluster: EksSettings) -> Iterator[str]:
    """Create bucket and key, or bring existing ones to the same settings; yield a line for each.

    Raises:
        InfraError: the credentials are not the account's, AWS refuses a call, or a name is somebody else's.
    """
    backend = backend_of(cluster)
    identity = session.identify(account)
    if identity.account != cluster.account:
        raise InfraError(
            f"the credentials belong to account {identity.account}, the stack to {cluster.account}: use "
            "credentials of the stack's account (AWS_PROFILE), or correct plinth:cluster.account"
        )
    try:
        key, made = _key(account.kms, backend, cluster)
        yield f"key {backend.alias}: {'created' if made else 'exists'}"
        made = _bucket(account.s3, backend, cluster)
        _close(account.s3, backend.bucket, key)
        state = "created" if made else "exists"
        yield f"bucket {backend.bucket}: {state}; versioned, encrypted, private"
    except (ClientError, BotoCoreError) as error:
        problem, _ = session.explain(error)
        problem = problem.removeprefix("not checked: ")
        raise InfraError(f"{problem}: run bootstrap as someone who may create a bucket and a key") from None


def kept(account: Account, backend: Backend) -> frozenset[str]:
    """Return the ARNs of bucket and key, which outlive the stack."""
    found = {f"arn:aws:s3:::{backend.bucket}"}
    try:
        found.add(account.kms.describe_key(KeyId=backend.alias)["KeyMetadata"]["Arn"])
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
    return frozenset(found)


def _key(kms: Any, backend: Backend, cluster: EksSettings) -> tuple[str, bool]:
    """Return the key's ARN, and whether it was created."""
    made = False
    try:
        found = kms.describe_key(KeyId=backend.alias)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        made = True
        tags = [{"TagKey": OWNER_TAG, "TagValue": cluster.name}]
        found = kms.create_key(Description=f"Secrets and state of {cluster.name}", Tags=tags)["KeyMetadata"]
        kms.create_alias(AliasName=backend.alias, TargetKeyId=found["KeyId"])
    if found["KeyState"] != "Enabled":
        raise InfraError(
            f"key {backend.alias} is {found['KeyState']}: run `aws kms cancel-key-deletion --key-id "
            f"{found['KeyId']}` and `aws kms enable-key --key-id {found['KeyId']}`; without it no secret of "
            "the stack can be read"
        )
    kms.enable_key_rotation(KeyId=found["KeyId"])
    return found["Arn"], made


def _bucket(s3: Any, backend: Backend, cluster: EksSettings) -> bool:
    """Create the bucket unless it exists; return whether it was created."""
    try:
        s3.head_bucket(Bucket=backend.bucket)
    except ClientError as error:
        if code_of(error) not in ("404", "NoSuchBucket"):
            raise InfraError(
                f"bucket {backend.bucket} is in use by another account, or in another region "
                f"({code_of(error)}): change plinth:cluster.name"
            ) from None
    else:
        return False
    # S3 refuses the name of its first region here.
    elsewhere = backend.region != "us-east-1"
    place = {"CreateBucketConfiguration": {"LocationConstraint": backend.region}} if elsewhere else {}
    s3.create_bucket(Bucket=backend.bucket, ObjectOwnership="BucketOwnerEnforced", **place)
    s3.put_bucket_tagging(
        Bucket=backend.bucket, Tagging={"TagSet": [{"Key": OWNER_TAG, "Value": cluster.name}]}
    )
    return True


def _close(s3: Any, bucket: str, key_arn: str) -> None:
    """Version and encrypt the bucket, and let in nobody without TLS or from outside the account."""
    own = {"Bucket": bucket}
    s3.put_public_access_block(
        **own,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )
    s3.put_bucket_versioning(**own, VersioningConfiguration={"Status": "Enabled"})
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rule = {"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(**own, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(**own, Policy=_policy(bucket))
    s3.put_bucket_lifecycle_configuration(
        **own,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "earlier-states",
                    "Status": "Enabled",
                    "Filter": {},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_DAYS},
                }
            ]
        },
    )


def _policy(bucket: str) -> str:
    statement = {
        "Sid": "OnlyEncryptedConnections",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def instructions(stack: str, backend: Backend) -> str:
    """Return what to write where, so that the stack uses its backend."""
    return "\n".join(
        [
            f"in stacks/Pulumi.{stack}.yaml, above `config:`, before the first `up`:",
            f"secretsprovider: {backend.secrets_provider}",
            "in the environment of everyone who runs `up`:",
            f"export PULUMI_BACKEND_URL='{backend.url}'",
        ]
    )
