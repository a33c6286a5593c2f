"""By what live rows, and the answers to them, are compared with those of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class DriftLimits:
    """Size of a window, and the differences that matter."""

    window_rows: int
    """Least rows of a window."""
    psi: float
    """Population stability index beyond which a difference matters."""
    quality_tolerance: float
    """How much lower than on held-back rows the accuracy may be, such as 0.03."""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Return what a stack has chosen."""
        return cls(
            window_rows=int(body["windowRows"]),
            psi=float(body["psi"]),
            quality_tolerance=float(body["qualityTolerance"]),
        )
