"""Choices of what is measured, how long it is kept and who is told."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.sections import Quantity, Section


class Pace(StrEnum):
    """How soon alerts fire."""

    OPERATION = "operation"
    """Minutes, with the windows of Google's SRE workbook."""
    REHEARSAL = "rehearsal"
    """A minute or so, so that a test can cause a fault and wait for its alert."""


class RemoteWriteSettings(Section):
    """A store that keeps samples for longer, such as Amazon Managed Service for Prometheus."""

    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    """Where samples are written to."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    """AWS region to sign requests for; unsigned without it."""


class ObjectiveSettings(Section):
    """What serving promises; alerts fire when the promise is about to be broken."""

    availability: float = Field(default=0.995, gt=0, lt=1)
    """Share of requests answered without a server error."""
    latency_seconds: float = Field(default=0.25, gt=0)
    """Within which `latencyShare` of requests are answered."""
    latency_share: float = Field(default=0.99, gt=0, lt=1)


class MonitoringSettings(Section):
    """Prometheus, alerts and dashboards."""

    enabled: bool = True
    pace: Pace = Field(default=Pace.OPERATION, strict=False)
    """How often is measured and how soon alerted."""
    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]*[hdwy]$")] = "15d"
    """How long samples are kept, if the volume has room."""
    storage_size: Quantity = "20Gi"
    """Size of Prometheus' volume."""
    remote_write: RemoteWriteSettings | None = None
    """Where samples are written to as well."""
    webhook_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Where every alert is sent; without it only receivers that an AlertmanagerConfig names are told."""
    grafana_image: str | None = None
    """Grafana's image, where it can be pulled; without it dashboards are ConfigMaps for one of yours."""
    objectives: ObjectiveSettings = ObjectiveSettings()
