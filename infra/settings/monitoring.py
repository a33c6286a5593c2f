"""Settings of monitoring: retention, alerts and their receivers, dashboards."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.sections import Quantity, Section


class Pace(StrEnum):
    """Speed of scraping and alerting."""

    OPERATION = "operation"
    """Alerts fire within minutes, with the windows of Google's SRE workbook."""
    REHEARSAL = "rehearsal"
    """Alerts fire within about a minute, so that a test can cause a fault and wait for its alert."""


class RemoteWriteSettings(Section):
    """Long-term storage of samples, such as Amazon Managed Service for Prometheus."""

    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    """URL of the remote-write endpoint."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    """AWS region for which requests are signed; by default they are not signed."""


class ObjectiveSettings(Section):
    """Service level objectives of model serving; alerts fire when an error budget burns too fast."""

    availability: float = Field(default=0.995, gt=0, lt=1)
    """Share of requests without a server error."""
    latency_seconds: float = Field(default=0.25, gt=0)
    """Latency within which `latencyShare` of requests must be answered."""
    latency_share: float = Field(default=0.99, gt=0, lt=1)


class MonitoringSettings(Section):
    """Prometheus, alerts and dashboards."""

    enabled: bool = True
    pace: Pace = Field(default=Pace.OPERATION, strict=False)
    """Scrape interval, and how soon alerts fire."""
    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]*[hdwy]$")] = "15d"
    """Retention of samples; shorter if the volume is full."""
    storage_size: Quantity = "20Gi"
    """Size of Prometheus' volume."""
    remote_write: RemoteWriteSettings | None = None
    """Additional storage to which samples are sent."""
    webhook_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Webhook that receives every alert; by default only receivers of an AlertmanagerConfig are notified."""
    grafana_image: str | None = None
    """Image of Grafana; without it dashboards are only ConfigMaps, for a Grafana of your own."""
    objectives: ObjectiveSettings = ObjectiveSettings()
