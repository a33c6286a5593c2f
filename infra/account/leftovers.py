"""What is left in an AWS account of a stack that was destroyed: what it costs, and how to remove it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.account import bootstrap, session
from infra.account.bootstrap import Backend
from infra.account.session import Account, Finding
from infra.account.unique_names import OWNER_TAG

# Service and kind, as in an ARN -> how a person removes it. A KMS key goes by itself when its time is over.
_REMEDIES = {
    "ec2:volume": "a persistent volume that was kept: `aws ec2 delete-volume --volume-id ID`",
    "ec2:snapshot": "`aws ec2 delete-snapshot --snapshot-id ID`",
    "rds:snapshot": (
        "the final snapshot of a database: `aws rds delete-db-snapshot --db-snapshot-identifier ID`"
    ),
    "rds:auto-backup": (
        "backups of a deleted database: `aws rds delete-db-instance-automated-backup --dbi-resource-id ID`"
    ),
    "logs:log-group": "`aws logs delete-log-group --log-group-name ID`",
    "s3": "a bucket that was kept: empty it with all versions, then `aws s3api delete-bucket --bucket ID`",
    "ecr:repository": "`aws ecr delete-repository --force --repository-name ID`",
}
_OTHER = "delete it, or run `destroy` again"


def find(account: Account, cluster: str, backend: Backend) -> Iterator[Finding]:
    """Yield everything with the tags of a stack or of its volumes; what keeps its state is no failure."""
    try:
        kept = bootstrap.kept(account, backend)
        for arn in sorted({*_tagged(account, cluster)}):
            if arn in kept:
                yield Finding("leftovers", arn, "keeps the state of the stack's runs")
            else:
                yield _finding(account, arn)
    except (ClientError, BotoCoreError) as error:
        problem, remedy = session.explain(error)
        yield Finding("leftovers", account.tagging.meta.region_name, problem, remedy, failed=True)


def _tagged(account: Account, cluster: str) -> Iterator[str]:
    # The second tag is that of volumes, which the storage driver creates for claims.
    for key, values in ((OWNER_TAG, [cluster]), (f"kubernetes.io/cluster/{cluster}", [])):
        pages = account.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": values}]
        )
        for page in pages:
            yield from (each["ResourceARN"] for each in page["ResourceTagMappingList"])


def _finding(account: Account, arn: str) -> Finding:
    _, _, service, _, _, resource = arn.split(":", 5)
    if service == "kms":
        state = _key_state(account, resource.rpartition("/")[2])
        if state.startswith("PendingDeletion"):
            return Finding("leftovers", arn, f"{state}: costs nothing, and can be cancelled until then")
    kind = resource.replace("/", ":").partition(":")[0]
    remedy = _REMEDIES.get(f"{service}:{kind}") or _REMEDIES.get(service) or _OTHER
    return Finding("leftovers", arn, "still there", remedy, failed=True)


def _key_state(account: Account, key: str) -> str:
    found: dict[str, Any] = account.kms.describe_key(KeyId=key)["KeyMetadata"]
    day = found.get("DeletionDate")
    return f"{found['KeyState']} until {day:%Y-%m-%d}" if day else str(found["KeyState"])
