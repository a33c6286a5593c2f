"""An AWS KMS key for stored data, rotated every year."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """Inputs of `EncryptionKey`."""

    account: str
    """AWS account; its IAM policies govern the use of the key."""
    description: str
    """What the key encrypts."""
    logs_region: str | None = None
    """Region of CloudWatch log groups that it also encrypts, if any."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on the key."""

    def __post_init__(self) -> None:
        """Reject a key that nobody could administer."""
        if not (self.account.isdigit() and len(self.account) == 12):
            raise ValueError(f"account: {self.account!r}; give the 12 digits of the AWS account")


def key_policy(account: str, logs_region: str | None) -> str:
    """Return the key's policy: the account may use it as its IAM policies say, and CloudWatch for its logs.

    In a key's policy the resource `*` is the key itself.
    """
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if logs_region:
        groups = f"arn:aws:logs:{logs_region}:{account}:log-group:*"
        statements.append(
            {
                "Sid": "Logs",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{logs_region}.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True)


class EncryptionKey(pulumi.ComponentResource):
    """One key."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:EncryptionKey", name, {"description": args.description}, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description=args.description,
            policy=key_policy(args.account, args.logs_region),
            enable_key_rotation=True,
            # Everything that it encrypted is lost with it: this is the longest time to cancel the deletion.
            deletion_window_in_days=30,
            tags={"Name": name, **args.tags},
            opts=ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
