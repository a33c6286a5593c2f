"""Logs that servers on Amazon RDS export to CloudWatch, and the names of their log groups.

The command line reads them too, and importing the SDK of AWS would cost every command a second.
"""

from collections.abc import Mapping
from typing import Final

LOGS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgres": ("postgresql", "upgrade"),
    "mariadb": ("error", "slowquery"),
}
"""Logs by engine."""


def log_groups(identifier: str, engine: str) -> dict[str, str]:
    """Return log -> log group, which RDS names after the server."""
    return {log: f"/aws/rds/instance/{identifier}/{log}" for log in LOGS[engine]}
