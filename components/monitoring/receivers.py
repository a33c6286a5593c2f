"""Pods of the platform that Alertmanager notifies of some alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A webhook behind a Service of the cluster."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    """Labels of its pods."""
    url: str
    """Where notifications are posted."""
    port: int
    """Port of the pods."""
    alerts: tuple[str, ...]
    """Names of the alerts that are sent to it."""
    group_by: tuple[str, ...]
    """Labels whose alerts come in one notification."""

    def route(self) -> dict[str, Any]:
        """Return Alertmanager's route, after which the others are tried too: people are notified as well."""
        return {
            "receiver": self.name,
            "matchers": [f'alertname=~"{"|".join(self.alerts)}"'],
            "group_by": [*self.group_by],
            "continue": True,
        }

    def receiver(self) -> dict[str, Any]:
        """Return Alertmanager's receiver; that an alert is over asks for nothing."""
        return {"name": self.name, "webhook_configs": [{"url": self.url, "send_resolved": False}]}
