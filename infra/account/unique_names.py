"""Checks of `preflight`: globally unique or account-unique names are free, or already the stack's own.

Roles are not checked: the engine ends their names in a random suffix.
"""

from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from infra.account.demand import Demand
from infra.account.session import Account, Finding, code_of

# Tag on every resource that a stack creates, with the cluster's name as its value.
OWNER_TAG = "plinth:stack"


def cluster(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the cluster's name is free in the region."""
    subject = f"cluster {demand.cluster}"
    try:
        existing = account.eks.describe_cluster(name=demand.cluster)["cluster"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        yield Finding("names", subject, "free")
        return
    yield _existing(subject, existing.get("tags", {}), demand, "plinth:cluster.name")


def buckets(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the buckets' names are free in all of AWS."""
    for bucket in demand.buckets:
        subject = f"bucket {bucket}"
        try:
            account.s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            match code_of(error):
                case "404" | "NoSuchBucket":
                    yield Finding("names", subject, "free")
                case "403" | "301":
                    yield Finding(
                        "names",
                        subject,
                        "in use by another account, or in another region",
                        "set plinth:storage.s3.bucketPrefix to a prefix of your own",
                        failed=True,
                    )
                case _:
                    raise
            continue
        yield _existing(subject, _bucket_tags(account, bucket), demand, "plinth:storage.s3.bucketPrefix")


def _bucket_tags(account: Account, bucket: str) -> dict[str, str]:
    try:
        return {tag["Key"]: tag["Value"] for tag in account.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if code_of(error) != "NoSuchTagSet":
            raise
        return {}


def repositories(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the image repositories' names are free in the account and region."""
    for name in demand.repositories:
        subject = f"repository {name}"
        try:
            (existing,) = account.ecr.describe_repositories(repositoryNames=[name])["repositories"]
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
            yield Finding("names", subject, "free")
            continue
        listed = account.ecr.list_tags_for_resource(resourceArn=existing.get("repositoryArn", ""))["tags"]
        tags = {tag["Key"]: tag["Value"] for tag in listed}
        yield _existing(subject, tags, demand, "plinth:cluster.name")


def databases(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the databases' names are free in the account and region."""
    for each in demand.databases:
        subject = f"database {each.identifier}"
        try:
            found = account.rds.describe_db_instances(DBInstanceIdentifier=each.identifier)
        except ClientError as error:
            if code_of(error) not in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
                raise
            yield Finding("names", subject, "free")
            continue
        (existing,) = found["DBInstances"]
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in existing.get("TagList", [])}
        yield _existing(subject, tags, demand, "plinth:cluster.name")


def log_groups(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the log groups' names are free: EKS and RDS may leave them behind."""
    for name in demand.log_groups:
        subject = f"log group {name}"
        groups = account.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        arns = [each.get("logGroupArn", "") for each in groups if each.get("logGroupName") == name]
        if not arns:
            yield Finding("names", subject, "free")
            continue
        tags = account.logs.list_tags_for_resource(resourceArn=arns[0])["tags"]
        yield _existing(subject, tags, demand, "plinth:cluster.name")


def _existing(subject: str, tags: Mapping[str, str], demand: Demand, setting: str) -> Finding:
    if tags.get(OWNER_TAG) == demand.cluster:
        return Finding("names", subject, "this stack's own")
    remedy = f"change {setting}, or delete the resource with that name"
    return Finding("names", subject, "in use by a resource of another owner", remedy, failed=True)
