"""Alerts of drift, of quality too, in the form in which Alertmanager sends them to webhooks."""

import json
import re
from dataclasses import dataclass
from typing import Any

_MODEL = re.compile(r"[a-z]([a-z0-9-]{0,60}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class DriftAlert:
    """A variable of a version that has drifted, or its quality."""

    name: str
    identity: str
    """Its fingerprint and when it began to fire: an alert that comes back is another one."""
    namespace: str
    model_name: str
    version: str
    variable: str
    """Empty for quality."""

    @property
    def what(self) -> str:
        """Name and variable, for people."""
        return f"{self.name} {self.variable}".rstrip()


def firing(body: bytes) -> list[DriftAlert]:
    """Return the alerts of a notification that fire and name a model; resolved ones ask for nothing.

    Raises:
        ValueError: it is no notification of Alertmanager; one line.
    """
    try:
        alerts: list[dict[str, Any]] = json.loads(body)["alerts"]
        found = [each for each in alerts if each["status"] == "firing"]
        return [
            DriftAlert(
                name=str(each["labels"]["alertname"]),
                identity=f"{each['fingerprint']}@{each['startsAt']}",
                namespace=str(each["labels"]["namespace"]),
                model_name=each["labels"]["model_name"],
                version=str(each["labels"]["version"]),
                variable=str(each["labels"].get("variable", "")),
            )
            for each in found
            if _MODEL.fullmatch(str(each["labels"].get("model_name", "")))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no notification of Alertmanager ({type(error).__name__}: {error})") from None
