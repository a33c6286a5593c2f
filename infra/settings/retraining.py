"""Settings of retraining: whether and how often drift makes the platform train a model again."""

from typing import Any

from pydantic import Field

from infra.settings.sections import Section


class RetrainingSettings(Section):
    """Settings of retraining."""

    enabled: bool = True
    """Whether alerts of drift begin pipeline runs, for models whose callers' requests have labels."""
    cooldown_seconds: int = Field(default=86400, ge=60, le=2592000)
    """Least time from one such run of a model to the next."""
    max_per_week: int = Field(default=2, ge=1, le=100)
    """Most runs of a model within seven days."""
    minimum_labelled_rows: int = Field(default=200, ge=20)
    """Rows with a label without which nothing is trained."""

    def as_limits(self) -> dict[str, Any] | None:
        """Return what the controller decides by; None if alerts begin nothing."""
        if not self.enabled:
            return None
        return {
            "cooldownSeconds": self.cooldown_seconds,
            "maxPerWeek": self.max_per_week,
            "minimumLabelledRows": self.minimum_labelled_rows,
        }
