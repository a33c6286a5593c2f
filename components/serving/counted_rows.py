"""Rows that predictors count by bin, for the delivery controller, and nobody else, to read."""

import json
from dataclasses import dataclass
from typing import Final

PORT: Final = 8081
"""Port of the predictors' page `/bins`."""


@dataclass(frozen=True, kw_only=True)
class CountedRows:
    """What predictors count."""

    excluded_features: tuple[str, ...] = ()
    """Features that are not counted."""

    def arguments(self) -> list[str]:
        """Return the predictor's arguments."""
        if not self.excluded_features:
            return ["--record_bins=true"]
        names = json.dumps(self.excluded_features)
        # Kubernetes would read $( and KServe {{ of a name as theirs, and the feature would be counted.
        escaped = names.replace("$", "\\u0024").replace("{", "\\u007b")
        return ["--record_bins=true", f"--record_excluded_features={escaped}"]
