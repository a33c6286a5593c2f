"""What predictors record of requests, for the delivery controller, and nobody else, to read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PORT: Final = 8081
"""Port of the predictors' pages."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What predictors record."""

    counts_bins: bool = True
    """Whether they count rows by bin."""
    sample_rate: float = 0.0
    """Share of requests that they keep until these are pulled."""
    excluded_features: tuple[str, ...] = ()
    """Features of which they keep and count nothing."""

    def arguments(self) -> Iterator[str]:
        """Yield the predictor's arguments."""
        if self.counts_bins:
            yield "--record_bins=true"
        if self.sample_rate:
            yield f"--record_sample_rate={self.sample_rate:g}"
        if self.excluded_features:
            # Kubernetes would read $( and KServe {{ of a name as theirs, and the feature would be recorded.
            names = json.dumps(self.excluded_features).replace("$", "\\u0024").replace("{", "\\u007b")
            yield f"--record_excluded_features={names}"
