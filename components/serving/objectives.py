"""Service-level objectives of inference services: availability and latency."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """Service-level objectives of every inference service."""

    availability: float = 0.995
    """Share of requests that are answered without a server error."""
    latency_seconds: float = 0.25
    """Seconds within which `latency_share` of requests are answered: a bucket of the gateway's histogram."""
    latency_share: float = 0.99
    minimum_requests: int = 20
    """Requests in a long window below which no alert fires: one error in two requests is no trend."""

    def __post_init__(self) -> None:
        """Reject objectives that leave no error budget or cannot be measured."""
        for name, share in (("availability", self.availability), ("latency_share", self.latency_share)):
            if not 0 < share < 1:
                raise ValueError(f"{name}: {share}; give a share between 0 and 1, such as 0.995")
