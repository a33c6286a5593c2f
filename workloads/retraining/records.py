"""Records of retrainings that alerts asked for: tags of the version that served then."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

PREFIX: Final = "retraining."
"""What the names of the tags begin with; the time follows, or the word below."""
REFUSED: Final = f"{PREFIX}refused"
"""The last time that none was begun. It says why, and is replaced by the next one."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One answer to alerts."""

    at: str
    """When, ISO 8601 in UTC."""
    reason: str
    """Which alerts asked for it, as the record of the rollout has it."""
    alerts: tuple[str, ...] = ()
    """Ids of the alerts, each with the time at which it began to fire."""
    run_id: str = ""
    """The pipeline run; empty if none was begun."""
    because: str = ""
    """Why none was begun."""

    @property
    def time(self) -> datetime:
        """When, as a time."""
        return datetime.fromisoformat(self.at)

    @property
    def tag(self) -> str:
        """Name of its tag."""
        return REFUSED if self.because else f"{PREFIX}{self.time:%Y%m%dT%H%M%SZ}"

    def to_json(self) -> str:
        """Return the value of its tag."""
        return json.dumps(asdict(self))

    @classmethod
    def of_tag(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        found: dict[str, Any] = json.loads(text)
        found["alerts"] = tuple(found["alerts"])
        return cls(**found)

    def line(self, version: str) -> str:
        """Return what happened, for people."""
        what = (
            f"no retraining of version {version}: {self.because}"
            if self.because
            else f"retraining of version {version} began: pipeline run {self.run_id or 'not known'}"
        )
        return f"{self.at}  {what} ({self.reason})"


def attempts(tags_by_version: Iterable[tuple[str, Mapping[str, str]]]) -> list[tuple[str, Attempt]]:
    """Return version and attempt for each record in the tags of versions, the oldest first."""
    found = [
        (version, Attempt.of_tag(text))
        for version, tags in tags_by_version
        for key, text in tags.items()
        if key.startswith(PREFIX)
    ]
    return sorted(found, key=lambda each: each[1].at)
