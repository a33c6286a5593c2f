"""Settings of drift: when live requests no longer look like the rows that a model was trained on."""

from typing import Any, Final

from pydantic import Field, field_validator

from infra.settings.sections import Section

_FEWEST_ROWS: Final = 500


class DriftSettings(Section):
    """Settings of drift."""

    enabled: bool = True
    """Whether predictors count the rows of requests by bin, and the delivery controller compares them."""
    window_rows: int = Field(default=1000, json_schema_extra={"minimum": _FEWEST_ROWS})
    """Least rows of a window, one of each request; two windows in a row raise an alert. At least 500."""
    psi: float = Field(default=0.2, ge=0.05, le=5)
    """Population stability index beyond which a difference matters."""
    quality_tolerance: float = Field(default=0.03, gt=0, le=0.5)
    """How much lower the accuracy on labelled requests may be than on held-back rows."""
    excluded_features: tuple[str, ...] = Field(default=(), strict=False)
    """Features that predictors do not count."""

    @field_validator("window_rows")
    @classmethod
    def _is_enough(cls, rows: int) -> int:
        if rows < _FEWEST_ROWS:
            raise ValueError(
                f"{rows} rows differ from training by chance alone: give at least {_FEWEST_ROWS}"
            )
        return rows

    def as_limits(self) -> dict[str, Any] | None:
        """Return what the controller judges by; None if it does not."""
        if not self.enabled:
            return None
        return {
            "windowRows": self.window_rows,
            "psi": self.psi,
            "qualityTolerance": self.quality_tolerance,
        }
