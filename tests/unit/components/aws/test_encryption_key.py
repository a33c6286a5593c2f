import dataclasses

import pytest
from pulumi import ResourceOptions

from components.aws.encryption_key import EncryptionKey, EncryptionKeyArgs, key_policy
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

ARGS = EncryptionKeyArgs(account="123456789012", description="What plinth stores", tags={"stack": "prod"})


def deployed(*, preview: bool = False, opts: ResourceOptions | None = None) -> Deployment[EncryptionKey]:
    return deploy(lambda: EncryptionKey("data", ARGS, opts), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: EncryptionKey(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "EncryptionKey")
    policies.assert_tagged(deployment, {"stack": "prod"})


def test_the_key_is_rotated_and_can_be_brought_back_for_a_month() -> None:
    key = deployed().one("aws:kms/key:Key").inputs
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30


def test_the_account_decides_and_nobody_else_may_do_anything() -> None:
    (statement,) = policies.statements(deployed().one("aws:kms/key:Key").inputs["policy"])
    assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_cloudwatch_may_use_it_for_logs_of_this_account_alone() -> None:
    _, logs = policies.statements(key_policy("123456789012", "eu-central-1"))
    assert logs["Principal"] == {"Service": "logs.eu-central-1.amazonaws.com"}
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-central-1:123456789012:log-group:*"
        }
    }
    assert not [action for action in logs["Action"] if action == "kms:*"]


def test_protection_given_to_the_component_reaches_the_key() -> None:
    assert deployed(opts=ResourceOptions(protect=True)).one("aws:kms/key:Key").protect


def test_an_account_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="account: 'prod'; give the 12 digits"):
        dataclasses.replace(ARGS, account="prod")
