"""Outputs that the simulated account computes."""

import pytest

from simulation.aws import computed_outputs, published_types, replacements
from simulation.aws.computed_outputs import Site

SITE = Site(region="eu-west-1", api_server="https://127.0.0.1:6443", api_authority="Y2E=")
URN = "urn:pulumi:prod::plinth::{token}::name"


def made(token: str, nonce: int = 1, **inputs: object) -> tuple[str, dict[str, object]]:
    return computed_outputs.outputs(token, URN.format(token=token), inputs, SITE, nonce)


def test_a_cluster_has_the_endpoint_of_the_tests_api_server() -> None:
    _, found = made("aws:eks/cluster:Cluster", name="c", vpcConfig={"subnetIds": ["subnet-1"]})
    assert found["endpoint"] == "https://127.0.0.1:6443"
    assert found["certificateAuthority"] == {"data": "Y2E="}
    assert found["arn"] == "arn:aws:eks:eu-west-1:123456789012:cluster/c"


def test_a_database_says_that_it_is_simulated() -> None:
    _, found = made("aws:rds/instance:Instance", identifier="db", engine="mysql")
    assert found["endpoint"] == "db.simulated.eu-west-1.rds.amazonaws.com:3306"


def test_a_replacement_has_another_id() -> None:
    token = "aws:ec2/subnet:Subnet"
    first, again, other = made(token)[0], made(token)[0], made(token, nonce=2)[0]
    assert first == again
    assert first != other
    assert first.startswith("subnet-")


@pytest.mark.parametrize(
    "token",
    [token for token in replacements.tokens() if token != "aws:eks/cluster:Cluster"],
)
def test_every_output_of_a_listed_type_has_a_value(token: str) -> None:
    published = published_types.resource(token)
    inputs = {name: name for name, field in published.inputs.items() if field.required}
    _, found = computed_outputs.outputs(token, URN, inputs, SITE, 1)
    missing = [name for name in published.outputs if name not in published.inputs and name not in found]
    assert not missing
    assert found["__simulated"] is True


def test_a_preview_leaves_computed_outputs_unknown() -> None:
    unknown = computed_outputs.unknown_until_made("aws:kms/key:Key")
    assert {"arn", "keyId"} <= set(unknown)
    assert "description" not in unknown
