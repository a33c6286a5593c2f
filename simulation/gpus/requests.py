"""What the tier's controllers asked the API server for, and what it refused: its audit log, read back."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Larger than the log of any run: a log in several files could be read while it moves.
_MEBIBYTES: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Request:
    """One kind of request of one user."""

    user: str
    right: str
    """What it takes, as `get pods` or `update leases.coordination.k8s.io`."""
    allowed: bool


def policy(namespaces: Iterable[str]) -> dict[str, Any]:
    """Return the audit policy that records every request of the accounts in these namespaces."""
    groups = [f"system:serviceaccounts:{namespace}" for namespace in namespaces]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [{"level": "Metadata", "userGroups": groups}, {"level": "None"}],
    }


def flags(folder: Path, log: Path, namespaces: Iterable[str]) -> tuple[str, ...]:
    """Write the policy and return the API server's flags for it."""
    path = folder / "requests-policy.json"
    path.write_text(json.dumps(policy(namespaces)))
    return (
        f"--audit-policy-file={path}",
        f"--audit-log-path={log}",
        f"--audit-log-maxsize={_MEBIBYTES}",
    )


def read(log: Path) -> set[Request]:
    """Return every kind of request in a log."""
    with log.open() as lines:
        return set(_requests(json.loads(line) for line in lines if line.endswith("\n")))


def refused(made: Iterable[Request], user: str) -> list[str]:
    """Return what a user asked for and may not do."""
    return sorted(each.right for each in made if each.user == user and not each.allowed)


def _requests(events: Iterable[Any]) -> Iterator[Request]:
    for event in events:
        target = event.get("objectRef")
        # Without one it is not about an object: versions, health and discovery.
        if target is None or "resource" not in target:
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        right = f"{event['verb']} {resource}.{target.get('apiGroup', '')}".removesuffix(".")
        decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
        yield Request(user=event["user"]["username"], right=right, allowed=decision == "allow")
