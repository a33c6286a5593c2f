"""A queue of AWS events about instances that will end soon, such as spot interruptions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

# Source and kind of the events of each rule.
EVENTS: Mapping[str, tuple[str, str]] = {
    "capacity-reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "spot-interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
}
_KEPT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class InterruptionQueueArgs:
    """Inputs of `InterruptionQueue`."""

    account: str
    """AWS account of the instances."""
    region: str
    """Region of the instances."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""


def queue_policy(queue_arn: str, account: str, region: str) -> dict[str, Any]:
    """Return the queue's policy: rules of this account may write, over encrypted connections."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Events",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{region}:{account}:rule/*"}},
            },
            {
                "Sid": "OnlyEncryptedConnections",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


class InterruptionQueue(pulumi.ComponentResource):
    """The queue and the rules that fill it."""

    queue_name: pulumi.Output[str]
    queue_arn: pulumi.Output[str]

    def __init__(self, name: str, args: InterruptionQueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:InterruptionQueue", name, {}, opts)
        child = ResourceOptions(parent=self)
        tags = {"Name": name, **args.tags}
        queue = aws.sqs.Queue(
            f"{name}-queue",
            # An older event is about an instance that is gone.
            message_retention_seconds=_KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
            tags=tags,
            opts=child,
        )
        policy = aws.sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.id,
            policy=queue.arn.apply(
                lambda arn: json.dumps(queue_policy(arn, args.account, args.region), sort_keys=True)
            ),
            opts=child,
        )
        for role, (source, kind) in EVENTS.items():
            rule = aws.cloudwatch.EventRule(
                f"{name}-{role}",
                event_pattern=json.dumps({"detail-type": [kind], "source": [source]}, sort_keys=True),
                tags=tags,
                opts=child,
            )
            aws.cloudwatch.EventTarget(
                f"{name}-{role}-target",
                rule=rule.name,
                arn=queue.arn,
                opts=ResourceOptions(parent=self, depends_on=[policy]),
            )
        self.queue_name = queue.name
        self.queue_arn = queue.arn
        self.register_outputs({"queue_name": self.queue_name})
