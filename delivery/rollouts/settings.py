"""What the controller knows of its platform: a JSON file that the stack writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from delivery.monitoring.limits import DriftLimits
from delivery.payloads.settings import PayloadSettings
from delivery.retraining.limits import RetrainingLimits
from delivery.rollouts.records import Defaults

PREDICTOR_URL = "http://{service}.{namespace}.svc.cluster.local"
METRICS_URL = "http://{address}:9000/metrics"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where models are, and what their rollouts are judged by."""

    tracking: Mapping[str, str]
    """Namespace of models -> URL of the MLflow that has them."""
    domain: str
    """Domain of every host."""
    gateway: Mapping[str, str]
    """Name and namespace of the Gateway."""
    gateway_pods: str
    """Selector of its pods, whose metrics are read; empty where there are none."""
    defaults: Defaults
    drift: DriftLimits | None = None
    """By what live rows are compared with those of training; None if they are not."""
    retraining: RetrainingLimits | None = None
    """How often drift begins a pipeline run; None if it never does."""
    payloads: PayloadSettings | None = None
    """Where recorded requests are stored; None if none are recorded."""
    predictor_url: str = PREDICTOR_URL
    """URL of the Service of one version, with {service} and {namespace} in it."""

    @property
    def are_pages_offered(self) -> bool:
        """Whether predictors have a port for what they record, and for golden rows."""
        return self.drift is not None or self.payloads is not None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            ValueError: it is not there or not what a stack writes; one line.
        """
        try:
            found: dict[str, Any] = json.loads(path.read_text())
            return cls(
                tracking=dict(found["tracking"]),
                domain=found["domain"],
                gateway=dict(found["gateway"]),
                gateway_pods=found["gatewayPods"],
                defaults=Defaults.from_json(found["defaults"]),
                drift=DriftLimits.from_json(found["drift"]) if found.get("drift") else None,
                retraining=RetrainingLimits.from_json(found["retraining"])
                if found.get("retraining")
                else None,
                payloads=PayloadSettings.from_json(found["payloads"]) if found.get("payloads") else None,
                predictor_url=found.get("predictorUrl", PREDICTOR_URL),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"settings {path}: cannot be read ({type(error).__name__}: {error})") from None

    def model_host(self, namespace: str, model_name: str) -> str:
        """Return the host of a model."""
        return f"{model_name}-{namespace}.{self.domain}"
