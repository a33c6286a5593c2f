"""What serving promises: availability and latency of every inference service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """What serving promises."""

    availability: float = 0.995
    """Share of requests that are answered without a server error."""
    latency_seconds: float = 0.25
    """Within which `latency_share` of requests are answered: one of the gateway's histogram buckets."""
    latency_share: float = 0.99
    minimum_requests: int = 20
    """In a long window, below which nothing is concluded: one error of two requests is no trend."""

    def __post_init__(self) -> None:
        """Refuse promises that no budget is left for, or that cannot be measured."""
        for name, share in (("availability", self.availability), ("latency_share", self.latency_share)):
            if not 0 < share < 1:
                raise ValueError(f"{name}: {share}; give a share between 0 and 1, such as 0.995")
