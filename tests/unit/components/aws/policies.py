"""Reading policy documents: what they allow, and whether that is more than anyone asked for."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

from tests.fixtures.recorder import Deployment, deploy


def statements(document: str) -> list[dict[str, Any]]:
    """Return the statements of a policy document, with actions and resources as lists."""
    parsed = json.loads(document)
    assert parsed["Version"] == "2012-10-17"
    return [
        {**each, "Action": _listed(each["Action"]), "Resource": _listed(each.get("Resource", []))}
        for each in parsed["Statement"]
    ]


def allowed(document: str) -> dict[str, list[str]]:
    """Return action -> resources of everything that a policy allows."""
    found: dict[str, list[str]] = {}
    for each in statements(document):
        if each["Effect"] == "Allow":
            for action in each["Action"]:
                found.setdefault(action, []).extend(each["Resource"])
    return found


def assert_least_privilege(deployment: Deployment[Any]) -> None:
    """No role may do everything, and none may do anything to everything."""
    policies = [*deployment.of_type("RolePolicy"), *deployment.of_type("Policy")]
    assert policies, "no policy: this check would pass on nothing"
    for each in policies:
        granted = allowed(each.inputs["policy"])
        assert granted, each.name
        for action, resources in granted.items():
            assert not action.endswith(":*"), f"{each.name}: {action}"
            assert action != "*", each.name
            assert "*" not in resources, f"{each.name}: {action} on everything"


def assert_one_provider(component: Callable[[str, pulumi.ResourceOptions], object]) -> None:
    """Everything of AWS that a component makes uses the provider that the component was given."""

    def program() -> None:
        provider = aws.Provider("chosen", region="eu-central-1")
        component("probe", pulumi.ResourceOptions(provider=provider))

    deployment = deploy(program)
    made = [each for each in deployment.registrations if each.type.startswith("aws:")]
    assert made, "nothing of AWS: this check would pass on nothing"
    chosen = deployment.one("pulumi:providers:aws").urn
    assert [each.name for each in made if not each.provider.startswith(chosen)] == []


def assert_tagged(deployment: Deployment[Any], tags: dict[str, str]) -> None:
    """Every resource that can carry tags carries a name and these."""
    untagged = {
        "AccessPolicyAssociation",
        "EventTarget",
        "QueuePolicy",
        "Route",
        "RouteTableAssociation",
        "Tag",
        "BucketLifecycleConfiguration",
        "BucketLogging",
        "BucketOwnershipControls",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
        "LifecyclePolicy",
        "RolePolicy",
        "RolePolicyAttachment",
    }
    found = [each for each in deployment.registrations if each.type.startswith("aws:")]
    assert found, "nothing of AWS: this check would pass on nothing"
    for each in found:
        if each.type.rsplit(":", 1)[-1] not in untagged:
            assert {"Name", *tags} <= each.inputs["tags"].keys(), each.name
            assert tags.items() <= each.inputs["tags"].items(), each.name


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
