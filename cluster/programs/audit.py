"""The API server's audit log: who read Secrets, entered pods, checked tokens or changed rights."""

import json
from pathlib import Path
from typing import Any, Final

from cluster.instance import Instance
from upstream.cache import write_atomically

_MEBIBYTES: Final = 20
_FILES: Final = 3


def policy() -> dict[str, Any]:
    """Return the policy: who did what to secrets, pods and rights; no bodies, which hold the secrets."""
    node_reads = {
        "level": "None",
        "userGroups": ["system:nodes"],
        "verbs": ["get", "list", "watch"],
    }
    watched = [
        {"group": "", "resources": ["secrets", "serviceaccounts/token"]},
        {"group": "", "resources": ["pods/exec", "pods/attach", "pods/portforward"]},
        {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
        {"group": "certificates.k8s.io"},
        {"group": "rbac.authorization.k8s.io"},
    ]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [node_reads, {"level": "Metadata", "resources": watched}, {"level": "None"}],
    }


def log(instance: Instance) -> Path:
    """Return the file with one JSON event per line; older files lie next to it, with a date in the name."""
    return instance.folder / "audit" / "audit.log"


def flags(instance: Instance) -> tuple[str, ...]:
    """Write the policy and return the API server's flags for it."""
    path = instance.folder / "config" / "audit-policy.json"
    write_atomically(path, json.dumps(policy(), indent=1))
    log(instance).parent.mkdir(mode=0o700, exist_ok=True)
    return (
        f"--audit-policy-file={path}",
        f"--audit-log-path={log(instance)}",
        f"--audit-log-maxsize={_MEBIBYTES}",
        f"--audit-log-maxbackup={_FILES}",
    )
