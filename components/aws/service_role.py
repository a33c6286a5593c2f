"""An IAM role that a service of AWS assumes, with AWS's own policies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

_MANAGED = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True, kw_only=True)
class ServiceRole:
    """A role with all its rights.

    Whoever takes one of these is created after the rights and deleted before them: a service that may no
    longer act leaves load balancers and volumes behind.
    """

    arn: pulumi.Output[str]
    name: pulumi.Output[str]


def trust(service: str, *, tags_session: bool = False) -> str:
    """Return the trust policy of a role that an AWS service assumes."""
    actions = ["sts:AssumeRole", "sts:TagSession"] if tags_session else "sts:AssumeRole"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, sort_keys=True)


def deploy(
    name: str, trusted: str, policies: Mapping[str, str], *, tags: Mapping[str, str], opts: ResourceOptions
) -> ServiceRole:
    """Create a role and attach policies to it.

    Args:
        name: Pulumi name of the role.
        trusted: Trust policy.
        policies: Name of a policy of AWS, with its path, by Pulumi name of the attachment.
        tags: Tags of the role.
        opts: Options of all resources.
    """
    role = aws.iam.Role(name, assume_role_policy=trusted, tags=tags, opts=opts)
    attached = [
        aws.iam.RolePolicyAttachment(
            attachment, role=role.name, policy_arn=f"{_MANAGED}{policy}", opts=opts
        ).id
        for attachment, policy in policies.items()
    ]
    return ServiceRole(
        arn=pulumi.Output.all(role.arn, *attached).apply(lambda known: str(known[0])),
        name=pulumi.Output.all(role.name, *attached).apply(lambda known: str(known[0])),
    )
