"""Policy documents: shape, required parts and forms."""

import json
from typing import Any

import pytest

from simulation.aws import policies
from simulation.aws.policies import PolicyKind

IDENTITY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
RESOURCE = IDENTITY | {"Principal": "*"}


def document(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


@pytest.mark.parametrize(
    ("statement", "kind"), [(IDENTITY, "identity"), (TRUST, "trust"), (RESOURCE, "resource")]
)
def test_a_right_policy_passes_as_json_and_as_mapping(statement: dict[str, Any], kind: PolicyKind) -> None:
    assert policies.policy_faults(document(statement), kind) == []
    assert policies.policy_faults(json.dumps(document(statement)), kind) == []


@pytest.mark.parametrize(
    ("statement", "kind", "fault"),
    [
        (RESOURCE, "identity", "statement 0: an identity policy names no principal"),
        (IDENTITY, "resource", "statement 0: needs a Principal"),
        (RESOURCE, "trust", "statement 0: a trust policy names no resource"),
        (TRUST, "resource", "statement 0: needs a Resource"),
        (IDENTITY | {"Effect": "allow"}, "identity", "statement 0: Effect must be Allow or Deny"),
        (IDENTITY | {"NotAction": "*"}, "identity", "statement 0: needs Action or NotAction"),
        (
            IDENTITY | {"Action": ["s3:GetObject", "GetObject"]},
            "identity",
            "statement 0: action 'GetObject' is not of the form service:Operation",
        ),
        (
            IDENTITY | {"Resource": ["*", "bucket"]},
            "identity",
            "statement 0: resource 'bucket' is neither * nor an ARN",
        ),
        (IDENTITY | {"Resources": []}, "identity", "statement 0: has the unknown key Resources"),
    ],
)
def test_a_fault_names_its_statement(statement: dict[str, Any], kind: PolicyKind, fault: str) -> None:
    assert policies.policy_faults(document(statement), kind) == [fault]


def test_faults_are_numbered_by_statement() -> None:
    found = policies.policy_faults(document(IDENTITY, IDENTITY | {"Effect": "No"}), "identity")
    assert found == ["statement 1: Effect must be Allow or Deny"]


def test_version_and_keys_of_the_document_are_checked() -> None:
    found = policies.policy_faults({"Statement": [IDENTITY], "Statements": []}, "identity")
    assert found == [
        "has no Version 2012-10-17: variables and newer conditions would be plain text",
        "has the unknown key Statements",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no policy document: "),
        ("[]", "is no policy document: a policy is a JSON object"),
        ('{"Statement": []}', "is no policy document: a policy has a list of statements"),
        ('{"Statement": "*"}', "is no policy document: a policy has a list of statements"),
    ],
)
def test_a_text_that_is_no_policy_is_refused_with_one_fault(text: str, reason: str) -> None:
    (fault,) = policies.policy_faults(text, "identity")
    assert fault.startswith(reason)


def test_a_single_statement_may_stand_outside_a_list() -> None:
    assert policies.statements({"Statement": IDENTITY}) == [IDENTITY]


def test_one_value_is_a_list_of_one() -> None:
    assert policies.as_list("s3:*") == ["s3:*"]
    assert policies.as_list(["a", "b"]) == ["a", "b"]
