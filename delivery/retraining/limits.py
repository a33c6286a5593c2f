"""How often alerts may begin a retraining, and where its pipelines are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class RetrainingLimits:
    """What a stack has chosen."""

    pipelines: Mapping[str, str]
    """Namespace of models -> URL of the pipelines API whose runs train them."""
    image: str
    """Image of the steps."""
    cooldown_seconds: float = 86400
    """From the beginning of one retraining of a model to that of the next."""
    max_per_week: int = 2
    minimum_labelled_rows: int = 200
    """Rows with a label without which nothing is trained."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what the stack writes."""
        return cls(
            pipelines=dict(document["pipelines"]),
            image=str(document["image"]),
            cooldown_seconds=float(document["cooldownSeconds"]),
            max_per_week=int(document["maxPerWeek"]),
            minimum_labelled_rows=int(document["minimumLabelledRows"]),
        )
