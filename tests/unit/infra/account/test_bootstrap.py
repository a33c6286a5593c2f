"""State bucket and key in a simulated account: created, closed, and left as they are the second time."""

import json
from typing import Any

import pytest
from botocore.stub import Stubber

from infra.account import bootstrap, session
from infra.account.session import Account
from infra.errors import InfraError
from infra.settings import reader
from infra.settings.cluster import EksSettings
from tests.unit.infra import choices, demands


def cluster(**changes: Any) -> EksSettings:
    values = choices.changed(choices.of_stack("prod"), "cluster.account", demands.ACCOUNT)
    settings = reader.parse(values).cluster
    assert isinstance(settings, EksSettings)
    return settings.model_copy(update=changes)


BACKEND = bootstrap.backend_of(cluster())


def run(account: Account, **changes: Any) -> list[str]:
    return list(bootstrap.run(account, cluster(**changes)))


def keys(account: Account) -> list[str]:
    return [each["KeyId"] for each in account.kms.list_keys()["Keys"]]


def test_bucket_and_key_are_created(account: Account) -> None:
    key, bucket = run(account)
    assert key == "key alias/plinth-prod-secrets: created"
    assert bucket == "bucket plinth-prod-state-123456789012: created; versioned, encrypted, private"
    assert account.kms.get_key_rotation_status(KeyId=keys(account)[0])["KeyRotationEnabled"]
    own = {"Bucket": BACKEND.bucket}
    s3: Any = account.s3
    assert s3.get_bucket_versioning(**own)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(**own)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(**own)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(keys(account)[0])
    (statement,) = json.loads(s3.get_bucket_policy(**own)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    (owner,) = s3.get_bucket_tagging(**own)["TagSet"]
    assert owner == {"Key": "plinth:stack", "Value": "plinth-prod"}


def test_a_second_run_creates_nothing_and_repairs_what_was_changed(account: Account) -> None:
    run(account)
    account.s3.put_bucket_versioning(Bucket=BACKEND.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert [line.split(": ")[1].split(";")[0] for line in run(account)] == ["exists", "exists"]
    assert len(keys(account)) == 1
    assert account.s3.get_bucket_versioning(Bucket=BACKEND.bucket).get("Status") == "Enabled"


def test_in_another_region_the_bucket_is_placed_there() -> None:
    from moto import mock_aws

    with mock_aws():
        account = session.connect("eu-west-1")
        run(account, region="eu-west-1")
        assert account.s3.get_bucket_location(Bucket=BACKEND.bucket)["LocationConstraint"] == "eu-west-1"


def test_a_key_that_waits_for_its_deletion_is_named_with_the_way_back(account: Account) -> None:
    run(account)
    account.kms.schedule_key_deletion(KeyId=keys(account)[0], PendingWindowInDays=7)
    with pytest.raises(InfraError, match=r"is PendingDeletion: run `aws kms cancel-key-deletion"):
        run(account)


def test_a_bucket_of_another_account_is_refused(account: Account) -> None:
    with Stubber(account.s3) as stub:
        stub.add_client_error("head_bucket", "403", http_status_code=403)
        with pytest.raises(InfraError, match=r"in use by another account.+change plinth:cluster\.name"):
            run(account)


def test_credentials_of_another_account_create_nothing(account: Account) -> None:
    theirs = cluster(account="111122223333")
    with pytest.raises(InfraError, match="belong to account 123456789012, the stack to 111122223333"):
        list(bootstrap.run(account, theirs))
    assert keys(account) == []


def test_a_call_that_is_not_permitted_is_named(account: Account) -> None:
    with Stubber(account.kms) as stub:
        stub.add_client_error("describe_key", "AccessDeniedException")
        with pytest.raises(InfraError, match="the identity is not allowed to call DescribeKey"):
            run(account)


def test_the_two_lines_are_those_that_pulumi_reads() -> None:
    text = bootstrap.instructions("prod", BACKEND)
    assert "\nsecretsprovider: awskms://alias/plinth-prod-secrets?region=us-east-1\n" in text
    assert text.endswith("export PULUMI_BACKEND_URL='s3://plinth-prod-state-123456789012?region=us-east-1'")
