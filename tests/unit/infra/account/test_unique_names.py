"""Names in a simulated account: free, the stack's own, somebody else's."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.account import unique_names
from infra.account.session import Account, Finding
from tests.unit.infra import demands

DEMAND = demands.of_stack("prod")
OWNED = {unique_names.OWNER_TAG: DEMAND.cluster}


def all_names(account: Account) -> list[Finding]:
    return [
        found
        for check in (
            unique_names.cluster,
            unique_names.buckets,
            unique_names.repositories,
            unique_names.databases,
            unique_names.log_groups,
        )
        for found in check(account, DEMAND)
    ]


def make_all(account: Account, tags: dict[str, str]) -> None:
    """Create every resource whose name the stack uses."""
    listed: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    account.eks.create_cluster(
        name=DEMAND.cluster,
        roleArn=f"arn:aws:iam::{demands.ACCOUNT}:role/any",
        resourcesVpcConfig={"subnetIds": []},
        tags=tags,
    )
    for bucket in DEMAND.buckets:
        account.s3.create_bucket(Bucket=bucket)
        if listed:
            account.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": listed})
    for repository in DEMAND.repositories:
        account.ecr.create_repository(repositoryName=repository, tags=listed)
    for database in DEMAND.databases:
        account.rds.create_db_instance(
            DBInstanceIdentifier=database.identifier,
            # moto does not know MariaDB.
            Engine="postgres",
            DBInstanceClass=database.instance_class,
            MasterUsername="plinth",
            MasterUserPassword="password",
            AllocatedStorage=database.storage_gib,
            Tags=listed,
        )
    for group in DEMAND.log_groups:
        account.logs.create_log_group(logGroupName=group, tags=tags)


def test_in_an_empty_account_every_name_is_free(account: Account) -> None:
    found = all_names(account)
    assert {each.result for each in found} == {"free"}
    lists = (DEMAND.buckets, DEMAND.repositories, DEMAND.databases, DEMAND.log_groups)
    assert len(found) == 1 + sum(len(each) for each in lists)


def test_a_log_group_whose_name_only_begins_alike_takes_none(account: Account) -> None:
    account.logs.create_log_group(logGroupName=f"{DEMAND.log_groups[0]}-2")
    assert not any(each.failed for each in unique_names.log_groups(account, DEMAND))


def test_what_the_stack_made_before_is_its_own(account: Account) -> None:
    make_all(account, OWNED)
    found = all_names(account)
    assert {each.result for each in found} == {"this stack's own"}
    assert not any(each.failed for each in found)


@pytest.mark.parametrize("tags", [{}, {unique_names.OWNER_TAG: "plinth-other"}])
def test_a_resource_of_another_owner_keeps_the_name(account: Account, tags: dict[str, str]) -> None:
    make_all(account, tags)
    found = all_names(account)
    assert all(each.failed for each in found)
    assert {each.remedy.split()[1].rstrip(",") for each in found} == {
        "plinth:cluster.name",
        "plinth:storage.s3.bucketPrefix",
    }


@pytest.mark.parametrize("status", [403, 301])
def test_a_bucket_of_another_account_is_not_a_free_name(account: Account, status: int) -> None:
    with Stubber(account.s3) as stub:
        for _ in DEMAND.buckets:
            stub.add_client_error("head_bucket", str(status), http_status_code=status)
        found = list(unique_names.buckets(account, DEMAND))
    assert all(each.failed for each in found)
    assert found[0].remedy == "set plinth:storage.s3.bucketPrefix to a prefix of your own"


def test_an_unexpected_error_is_not_a_free_name(account: Account) -> None:
    with Stubber(account.eks) as stub:
        stub.add_client_error("describe_cluster", "ServerException")
        with pytest.raises(ClientError):
            list(unique_names.cluster(account, DEMAND))
