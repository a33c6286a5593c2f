"""Where recorded requests are stored, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class PayloadSettings:
    """A bucket, whose keys are in the environment or come with the pod's identity."""

    bucket: str
    endpoint: str
    """URL of the object store."""
    region: str
    keep_days: int | None
    """Days after which the controller deletes objects; None where the store does so itself."""
    excluded_features: tuple[str, ...] = ()
    """Features that recorded rows lack."""
    sample_rate: float = 1.0
    """Share of the requests that are recorded."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what a stack has chosen."""
        days = document.get("keepDays")
        return cls(
            bucket=str(document["bucket"]),
            endpoint=str(document["endpoint"]),
            region=str(document["region"]),
            keep_days=None if days is None else int(days),
            excluded_features=tuple(map(str, document.get("excludedFeatures", []))),
            sample_rate=float(document.get("sampleRate", cls.sample_rate)),
        )
