"""A KMS key that rotates every year, usable by the account's IAM and by the named services alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """What the key is for."""

    alias: str
    """Name of the key in the account, without `alias/`."""
    description: str
    """What it encrypts."""
    account: str
    """The account that owns it: rights to it come from that account's IAM."""
    region: str
    """Where it lies."""
    logs: bool = False
    """Whether CloudWatch encrypts log groups with it; CloudWatch is no role of the account."""
    deletion_days: int = 30
    """How long its deletion can be taken back; what it encrypted is lost after."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Refuse what KMS would refuse."""
        if not 7 <= self.deletion_days <= 30:
            raise ValueError(f"deletion_days: {self.deletion_days}; KMS allows 7 to 30")


def key_policy(args: EncryptionKeyArgs) -> dict[str, Any]:
    """Return who may use the key; in a key's own policy `*` is the key itself."""
    statements: list[dict[str, Any]] = [
        {
            "Sid": "AccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{args.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if args.logs:
        groups = f"arn:aws:logs:{args.region}:{args.account}:log-group:*"
        statements.append(
            {
                "Sid": "LogGroups",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{args.region}.amazonaws.com"},
                "Action": [
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                ],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


class EncryptionKey(pulumi.ComponentResource):
    """One key and its alias."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:EncryptionKey", name, {"alias": args.alias}, opts)
        child = ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description=args.description,
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_days,
            policy=json.dumps(key_policy(args), sort_keys=True),
            tags={"Name": args.alias, **args.tags},
            opts=child,
        )
        aws.kms.Alias(f"{name}-alias", name=f"alias/{args.alias}", target_key_id=key.key_id, opts=child)
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
