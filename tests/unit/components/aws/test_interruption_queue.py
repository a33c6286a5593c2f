import json

import pytest

from components.aws.interruption_queue import EVENTS, InterruptionQueue, InterruptionQueueArgs, queue_policy
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ARGS = InterruptionQueueArgs(account="123456789012", region="eu-central-1", tags=TAGS)


def deployed(*, preview: bool = False) -> Deployment[InterruptionQueue]:
    return deploy(lambda: InterruptionQueue("interruptions", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "InterruptionQueue")
    policies.assert_tagged(deployment, TAGS)


def test_every_kind_of_notice_reaches_the_queue_once_it_may_be_written() -> None:
    deployment = deployed()
    patterns = [json.loads(each.inputs["eventPattern"]) for each in deployment.of_type("EventRule")]
    assert {each["detail-type"][0] for each in patterns} == {kind for _, kind in EVENTS.values()}
    assert "EC2 Spot Instance Interruption Warning" in {each["detail-type"][0] for each in patterns}
    for each in deployment.of_type("EventTarget"):
        assert each.inputs["arn"].endswith("interruptions-queue")
        assert "interruptions-policy" in rules.before(deployment, each)


def test_messages_are_encrypted_and_old_ones_go() -> None:
    queue = deployed().one("Queue").inputs
    assert queue["sqsManagedSseEnabled"] is True
    assert queue["messageRetentionSeconds"] == 300


def test_rules_of_this_account_alone_write_and_nobody_in_clear() -> None:
    allow, deny = queue_policy("arn:queue", "123456789012", "eu-central-1")["Statement"]
    assert allow["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:events:eu-central-1:123456789012:rule/*"}
    }
    assert (allow["Action"], allow["Resource"]) == ("sqs:SendMessage", "arn:queue")
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
