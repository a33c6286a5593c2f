"""What a destroyed stack has left in a simulated account."""

from typing import Any

import pytest
from botocore.stub import Stubber

from infra.account import leftovers
from infra.account.bootstrap import Backend
from infra.account.session import Account, Finding

CLUSTER = "plinth-prod"
BACKEND = Backend(bucket="plinth-prod-state-1", alias="alias/plinth-prod-secrets", region="us-east-1")


def found(account: Account, *arns: str) -> list[Finding]:
    answers = [[{"ResourceARN": arn} for arn in arns], []]
    with Stubber(account.tagging) as stub:
        for listed in answers:
            stub.add_response("get_resources", {"ResourceTagMappingList": listed})
        return list(leftovers.find(account, CLUSTER, BACKEND))


def test_an_account_without_the_stacks_tags_has_nothing_left(account: Account) -> None:
    assert found(account) == []


@pytest.mark.parametrize(
    ("arn", "remedy"),
    [
        ("arn:aws:rds:us-east-1:1:snapshot:postgres-final", "aws rds delete-db-snapshot "),
        ("arn:aws:ec2:us-east-1:1:volume/vol-1", "aws ec2 delete-volume "),
        ("arn:aws:logs:us-east-1:1:log-group:/aws/eks/plinth-prod/cluster", "aws logs delete-log-group "),
        ("arn:aws:s3:::plinth-prod-1-mlflow", "aws s3api delete-bucket "),
        ("arn:aws:ec2:us-east-1:1:vpc/vpc-1", "run `destroy` again"),
    ],
)
def test_everything_that_is_left_has_a_remedy(account: Account, arn: str, remedy: str) -> None:
    (finding,) = found(account, arn)
    assert finding.failed
    assert finding.subject == arn
    assert remedy in finding.remedy


def test_a_key_that_waits_for_its_deletion_costs_nothing(account: Account) -> None:
    key: dict[str, Any] = account.kms.create_key()["KeyMetadata"]
    (alive,) = found(account, key["Arn"])
    assert alive.failed
    account.kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=30)
    (waiting,) = found(account, key["Arn"])
    assert not waiting.failed
    assert waiting.result.startswith("PendingDeletion until 20")


def test_tags_of_the_stack_and_of_its_volumes_are_looked_for(account: Account) -> None:
    account.s3.create_bucket(Bucket="mine")
    account.s3.put_bucket_tagging(
        Bucket="mine", Tagging={"TagSet": [{"Key": "plinth:stack", "Value": CLUSTER}]}
    )
    zone = account.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    tag: Any = [{"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": "owned"}]
    account.ec2.create_tags(Resources=[zone["VolumeId"]], Tags=tag)
    other: Any = {"TagSet": [{"Key": "plinth:stack", "Value": "another"}]}
    account.s3.create_bucket(Bucket="theirs")
    account.s3.put_bucket_tagging(Bucket="theirs", Tagging=other)
    subjects = [each.subject for each in leftovers.find(account, CLUSTER, BACKEND)]
    assert len(subjects) == 2
    assert subjects[0].endswith(f"volume/{zone['VolumeId']}")
    assert subjects[1] == "arn:aws:s3:::mine"


def test_a_call_that_is_not_permitted_is_a_failure(account: Account) -> None:
    with Stubber(account.tagging) as stub:
        stub.add_client_error("get_resources", "AccessDeniedException")
        (failed,) = leftovers.find(account, CLUSTER, BACKEND)
    assert failed.failed
    assert "GetResources" in failed.result


def test_what_bootstrap_made_is_kept_and_no_failure(account: Account) -> None:
    key: dict[str, Any] = account.kms.create_key()["KeyMetadata"]
    account.kms.create_alias(AliasName=BACKEND.alias, TargetKeyId=key["KeyId"])
    listed = found(account, key["Arn"], f"arn:aws:s3:::{BACKEND.bucket}")
    assert [each.failed for each in listed] == [False, False]
    assert {each.result for each in listed} == {"keeps the state of the stack's runs"}
