"""Names, ids and ARNs of simulated resources."""

import re
from typing import Any

import pytest

from simulation.aws import identities, published_types

REGION, ACCOUNT = "eu-west-1", "123456789012"


def identity(token: str, inputs: dict[str, Any] | None = None, *, urn: str = "urn", nonce: int = 1) -> str:
    return " ".join(identities.id_and_arn(token, urn, inputs or {}, REGION, ACCOUNT, nonce))


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        ("aws:s3/bucket:Bucket", {"bucket": "b"}, "b arn:aws:s3:::b"),
        ("aws:iam/role:Role", {"name": "r"}, "r arn:aws:iam::123456789012:role/r"),
        (
            "aws:sqs/queue:Queue",
            {"name": "q"},
            "https://sqs.eu-west-1.amazonaws.com/123456789012/q arn:aws:sqs:eu-west-1:123456789012:q",
        ),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "name": "p"}, "r:p "),
    ],
)
def test_a_named_resource_has_the_identity_that_aws_gives(
    token: str, inputs: dict[str, Any], expected: str
) -> None:
    assert identity(token, inputs) == expected


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("aws:ec2/vpc:Vpc", r"vpc-[0-9a-f]{17} arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-[0-9a-f]{17}"),
        ("aws:ec2/subnet:Subnet", r"subnet-[0-9a-f]{17} .+:subnet/subnet-[0-9a-f]{17}"),
        (
            "aws:kms/key:Key",
            r"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8000-[0-9a-f]{12}) "
            r"arn:aws:kms:eu-west-1:123456789012:key/\1",
        ),
    ],
)
def test_an_unnamed_resource_has_an_id_of_its_kind(token: str, form: str) -> None:
    assert re.fullmatch(form, identity(token)), identity(token)


@pytest.mark.parametrize("token", ["aws:ec2/vpc:Vpc", "aws:kms/key:Key", "aws:rds/instance:Instance"])
def test_ids_differ_by_resource_and_by_replacement_and_are_stable(token: str) -> None:
    assert identity(token) == identity(token)
    assert identity(token, urn="other") != identity(token)
    assert identity(token, nonce=2) != identity(token)


@pytest.mark.parametrize("token", sorted(identities._FORMS))
def test_every_form_is_filled_in_for_a_resource_that_the_sdk_publishes(token: str) -> None:
    inputs = {name: "x" for name in published_types.resource(token).inputs}
    assert not re.search(r"[{}]", identity(token, inputs)), identity(token, inputs)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("aws:s3/bucket:Bucket", "bucket"),
        ("aws:rds/instance:Instance", "identifier"),
        ("aws:eks/nodeGroup:NodeGroup", "nodeGroupName"),
        ("aws:iam/role:Role", "name"),
        # Named by what it belongs to, and by nothing at all.
        ("aws:eks/addon:Addon", None),
        ("aws:ec2/vpc:Vpc", None),
    ],
)
def test_the_input_that_names_a_resource_is_known(token: str, name: str | None) -> None:
    assert identities.name_input(token) == name


def test_a_generated_name_is_the_resources_own_with_seven_random_characters() -> None:
    one = identities.generated_name("aws:iam/role:Role", "Steps", "seed")
    assert re.fullmatch(r"Steps-[0-9a-f]{7}", one)
    assert one == identities.generated_name("aws:iam/role:Role", "Steps", "seed")
    assert one != identities.generated_name("aws:iam/role:Role", "Steps", "another seed")


@pytest.mark.parametrize("token", ["aws:s3/bucket:Bucket", "aws:rds/instance:Instance"])
def test_generated_names_are_lower_case_where_aws_demands_it(token: str) -> None:
    assert identities.generated_name(token, "Steps", "seed").startswith("steps-")
