"""Checks of `preflight`: names that AWS gives away once, free or the stack's own already.

Databases and roles are not among them: their names end in what the engine makes up.
"""

from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from infra.account.demand import Demand
from infra.account.finding import Finding
from infra.account.session import Account, code_of

# The tag by which a stack knows what it made.
OWNER_TAG = "plinth:stack"


def cluster(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the cluster's name is free in the region."""
    subject = f"cluster {demand.cluster}"
    try:
        found = account.eks.describe_cluster(name=demand.cluster)["cluster"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        yield Finding("names", subject, "free")
        return
    yield _taken(subject, found.get("tags", {}), demand, "plinth:cluster.name")


def buckets(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the buckets' names are free on all of AWS."""
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
                        "taken by another account, or in another region",
                        "set plinth:storage.s3.bucketPrefix to one of your own",
                        failed=True,
                    )
                case _:
                    raise
            continue
        yield _taken(subject, _bucket_tags(account, bucket), demand, "plinth:storage.s3.bucketPrefix")


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
            (found,) = account.ecr.describe_repositories(repositoryNames=[name])["repositories"]
        except ClientError as error:
            if code_of(error) != "RepositoryNotFoundException":
                raise
            yield Finding("names", subject, "free")
            continue
        listed = account.ecr.list_tags_for_resource(resourceArn=found.get("repositoryArn", ""))["tags"]
        tags = {tag["Key"]: tag["Value"] for tag in listed}
        yield _taken(subject, tags, demand, "plinth:cluster.name")


def log_groups(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the log groups' names are free: EKS leaves one behind when its cluster is deleted."""
    for name in demand.log_groups:
        subject = f"log group {name}"
        found = account.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        arns = [each.get("logGroupArn", "") for each in found if each.get("logGroupName") == name]
        if not arns:
            yield Finding("names", subject, "free")
            continue
        tags = account.logs.list_tags_for_resource(resourceArn=arns[0])["tags"]
        yield _taken(subject, tags, demand, "plinth:cluster.name")


def _taken(subject: str, tags: Mapping[str, str], demand: Demand, setting: str) -> Finding:
    if tags.get(OWNER_TAG) == demand.cluster:
        return Finding("names", subject, "this stack's own")
    remedy = f"change {setting}, or delete what has the name"
    return Finding("names", subject, "taken by something that this stack did not make", remedy, failed=True)
