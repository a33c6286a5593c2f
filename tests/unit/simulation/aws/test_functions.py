"""Read-only functions of the provider."""

import json

import pytest

from simulation.aws import functions
from simulation.aws.computed_outputs import Site

SITE = Site(region="eu-west-1")


@pytest.mark.parametrize("token", functions.tokens())
def test_every_simulated_function_answers(token: str) -> None:
    assert functions.call(token, {"name": "n", "statements": []}, SITE)["id"]


def test_zones_belong_to_the_region() -> None:
    found = functions.call("aws:index/getAvailabilityZones:getAvailabilityZones", {}, SITE)
    assert found["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def test_a_policy_document_is_built_from_its_statements() -> None:
    statement = {
        "actions": ["s3:GetObject"],
        "resources": ["arn:aws:s3:::b/*"],
        "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
        "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
    }
    found = functions.call("aws:iam/getPolicyDocument:getPolicyDocument", {"statements": [statement]}, SITE)
    (built,) = json.loads(found["json"])["Statement"]
    assert built == {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::b/*"],
        "Principal": {"Service": ["ec2.amazonaws.com"]},
        "Condition": {"Bool": {"aws:SecureTransport": ["true"]}},
    }


def test_an_unknown_function_names_where_to_add_it() -> None:
    with pytest.raises(functions.UnknownFunctionError, match=r"simulation/aws/functions\.py"):
        functions.call("aws:ec2/getVpc:getVpc", {}, SITE)
