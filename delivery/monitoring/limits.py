"""By what live rows are compared with those of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class DriftLimits:
    """Size of a window, and the distance that matters."""

    window_rows: int
    """Least rows of a window."""
    psi: float
    """Population stability index beyond which a difference matters."""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Return what a stack has chosen."""
        return cls(window_rows=int(body["windowRows"]), psi=float(body["psi"]))
