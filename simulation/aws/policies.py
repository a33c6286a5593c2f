"""Checks policy documents: shape, required parts, and wildcards."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

PolicyKind = Literal["identity", "trust", "resource"]

_STATEMENT_KEYS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def statements(document: Any) -> list[dict[str, Any]]:
    """Return the statements of a policy, given as JSON or as a mapping.

    Raises:
        ValueError: the document is not a policy.
    """
    policy = json.loads(document) if isinstance(document, str) else document
    if not isinstance(policy, dict):
        raise ValueError("a policy is a JSON object")
    given = cast("dict[str, Any]", policy).get("Statement")
    listed = [given] if isinstance(given, dict) else given
    if not isinstance(listed, list) or not listed:
        raise ValueError("a policy has a list of statements under the key Statement")
    return cast("list[dict[str, Any]]", listed)


def policy_faults(document: Any, kind: PolicyKind) -> list[str]:
    """Return what is wrong with a policy document.

    Args:
        document: JSON or a mapping.
        kind: identity policies name no principal, trust policies no resource.
    """
    try:
        policy: Any = json.loads(document) if isinstance(document, str) else document
        listed = statements(policy)
    except ValueError as error:
        return [f"is no policy document: {error}"]
    faults: list[str] = []
    if policy.get("Version") != "2012-10-17":
        faults.append("has no Version 2012-10-17: variables and newer conditions would be plain text")
    unknown = set(policy) - {"Version", "Id", "Statement"}
    faults += [f"has the unknown key {key}" for key in sorted(unknown)]
    for number, each in enumerate(listed):
        faults += [f"statement {number}: {reason}" for reason in _statement_faults(each, kind)]
    return faults


def _statement_faults(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    for key in sorted(set(statement) - _STATEMENT_KEYS):
        yield f"has the unknown key {key}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect must be Allow or Deny"
    if ("Action" in statement) == ("NotAction" in statement):
        yield "needs Action or NotAction"
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    if kind == "identity" and has_principal:
        yield "an identity policy names no principal"
    if kind != "identity" and not has_principal:
        yield "needs a Principal"
    has_resource = "Resource" in statement or "NotResource" in statement
    if kind == "trust" and has_resource:
        yield "a trust policy names no resource"
    if kind != "trust" and not has_resource:
        yield "needs a Resource"
    for action in as_list(statement.get("Action", [])):
        if action != "*" and ":" not in action:
            yield f"action {action!r} is not of the form service:Operation"
    for resource in as_list(statement.get("Resource", [])):
        if resource != "*" and not resource.startswith("arn:"):
            yield f"resource {resource!r} is neither * nor an ARN"


def as_list(value: Any) -> list[str]:
    """Return a list; a single value becomes a list of one."""
    return [value] if isinstance(value, str) else list(value)
