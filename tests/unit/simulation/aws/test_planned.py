"""Reading the engine's plan."""

import json
from typing import Any

import pytest

from simulation.aws import planned

URN = "urn:pulumi:dev::plinth::plinth:index:Vpc$aws:ec2/subnet:Subnet::private-a"


def step(**changes: Any) -> dict[str, Any]:
    state = {
        "type": "aws:ec2/subnet:Subnet",
        "inputs": {"vpcId": "v"},
        "propertyDependencies": {"vpcId": ["urn:vpc"], "tags": None},
        "protect": True,
    }
    return {"op": "create", "urn": URN, "newState": state, **changes}


def test_a_step_becomes_a_resource_with_its_dependencies() -> None:
    text = "warning: a notice\n" + json.dumps({"steps": [step()]}) + "\nmore"
    (found,) = planned.parse(text)
    assert found.name == "private-a"
    assert found.is_aws
    assert found.references == {"vpcId": ("urn:vpc",), "tags": ()}
    assert found.protect
    assert not found.retain_on_delete


def test_a_replacement_counts_once_and_names_its_reason() -> None:
    steps = [
        step(op="create-replacement"),
        step(op="replace", replaceReasons=["cidrBlock"], diffReasons=["cidrBlock", "tags"]),
        step(op="delete-replaced"),
    ]
    (found,) = planned.parse(json.dumps({"steps": steps}))
    assert found.operation == "replace"
    assert found.replacing == ("cidrBlock",)


def test_an_output_without_a_plan_is_an_error() -> None:
    with pytest.raises(ValueError, match="no plan: error"):
        planned.parse("error: no stack")
