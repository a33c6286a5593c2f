"""Settings of payloads: recorded requests, and what their callers got."""

from pydantic import Field

from infra.settings.sections import Section


class PayloadSettings(Section):
    """Settings of recorded requests."""

    enabled: bool = True
    """Whether requests of models are stored with their answers, in a bucket of the delivery controller."""
    sample_rate: float = Field(default=1.0, gt=0, le=1)
    """Share of requests that are recorded, by the hash of their ids."""
    keep_days: int = Field(default=7, ge=1, le=3650)
    """Days for which they are kept."""
    excluded_features: tuple[str, ...] = Field(default=(), strict=False)
    """Features that never leave the predictor, besides those of drift; nothing is counted of them either."""
