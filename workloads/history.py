"""`python -m workloads history MODEL`: which version served when, and why it changed."""

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.retraining.records import attempts
from workloads.serving.model_rollout import RECORD, Phase


@dataclass(frozen=True, kw_only=True)
class Change:
    """The end of one rollout."""

    at: str
    """When, in UTC."""
    version: str
    promoted: bool
    because: str
    """Of the controller, with figures."""
    before: str
    """Version that served before; empty if none did."""
    reason: str
    """Of whoever asked for it."""
    by: tuple[str, ...]
    """Who asked for it and, if that was needed, who approved it."""

    @classmethod
    def of_tag(cls, version: str, text: str) -> Self:
        """Read the record of a rollout."""
        found: dict[str, Any] = json.loads(text)
        people = (found.get("requestedBy", ""), found.get("approvedBy", ""))
        return cls(
            at=found["at"],
            version=version,
            promoted=found["ended"] == Phase.PROMOTED,
            because=found["because"],
            before=found["before"],
            reason=found["reason"],
            by=tuple(each for each in people if each),
        )

    def line(self) -> str:
        """Return what changed, for people."""
        after = f" after version {self.before}" if self.before else ""
        what = (
            f"version {self.version} serves{after}"
            if self.promoted
            else f"version {self.version} rolled back"
        )
        people = " approved by ".join(self.by) or "unknown"
        return f"{self.at}  {what}: {self.because} ({self.reason}; asked by {people})"


def changes(tags_by_version: Iterable[tuple[str, Mapping[str, str]]]) -> list[Change]:
    """Return the changes that the tags of versions record, the oldest first."""
    found = [
        Change.of_tag(version, text)
        for version, tags in tags_by_version
        for key, text in tags.items()
        if key.startswith(RECORD)
    ]
    return sorted(found, key=lambda each: each.at)


def run(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Print the changes of a model and return the exit code.

    Raises:
        WorkloadsError: the model is not registered, or nothing is on record.
    """
    from workloads.tracking import connect

    versions = connect(endpoints).search_model_versions(f"name = '{options.model}'", max_results=1000)
    if not versions:
        raise WorkloadsError(f"model {options.model}: is not registered")
    tags = [(str(each.version), each.tags) for each in versions]
    lines = [(each.at, each.line()) for each in changes(tags)]
    lines += [(each.at, each.line(version)) for version, each in attempts(tags)]
    if not lines:
        raise WorkloadsError(f"model {options.model}: no rollout of it has ended yet")
    for _, line in sorted(lines):
        print(line)
    return 0
