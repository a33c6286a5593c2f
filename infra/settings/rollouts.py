"""Settings of rollouts: what happens to a new version of a model where its rollout says nothing."""

from typing import Any

from pydantic import Field, model_validator

from infra.settings.sections import Section


class StepSettings(Section):
    """A share of the requests before a version gets all of them."""

    weight: int = Field(ge=1, le=99)
    """Percent of the requests."""
    seconds: int = Field(default=0, ge=0, le=86400)
    """Least time for which the version has them."""


class RolloutSettings(Section):
    """Settings of rollouts."""

    steps: tuple[StepSettings, ...] = Field(default=(), strict=False)
    """Shares of the requests that a version gets one after the other; without any it gets all at once."""
    shadow_rows: int = Field(default=500, ge=0, le=5000)
    """Recorded rows that a version answers for nobody before it gets any request; 0 for none."""
    minimum_agreement: float = Field(default=0.9, ge=0.5, le=0.999)
    """Share of those rows that it must answer as the version does that serves."""
    max_error_ratio: float = Field(default=0.01, ge=0.0001, le=0.5)
    """Share of failed requests that is too much for any version."""
    deadline_seconds: int = Field(default=900, ge=10, le=604800)
    """Time after which a version without a verdict is rolled back."""
    bake_seconds: int = Field(default=20, ge=10, le=604800)
    """Time for which the version before it runs on, for a way back."""
    approval: bool = False
    """Whether somebody other than who asks for a rollout must approve it."""

    @model_validator(mode="after")
    def _grows(self) -> "RolloutSettings":
        weights = [each.weight for each in self.steps]
        if weights != sorted(set(weights)):
            raise ValueError(
                f"steps: weights {weights} are out of order: each is a larger share than the one before"
            )
        least = sum(each.seconds for each in self.steps)
        if least >= self.deadline_seconds:
            raise ValueError(
                f"deadlineSeconds: {self.deadline_seconds} are over before the steps' {least} s: give more"
            )
        return self

    def as_defaults(self) -> dict[str, Any]:
        """Return the settings under the names of a rollout's fields."""
        return {
            "steps": [{"weight": each.weight, "seconds": each.seconds} for each in self.steps],
            "shadowRows": self.shadow_rows,
            "minimumAgreement": self.minimum_agreement,
            "maxErrorRatio": self.max_error_ratio,
            "deadlineSeconds": self.deadline_seconds,
            "bakeSeconds": self.bake_seconds,
            "approval": self.approval,
        }
