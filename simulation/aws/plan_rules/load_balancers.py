"""Rule for Services of type LoadBalancer: clear text stays inside the network, and off where there is TLS."""

from collections.abc import Iterator, Sequence
from typing import Any

from simulation.aws.planned import PlannedResource

_SERVICE = "kubernetes:core/v1:Service"
_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"


def find_clear_text(resources: Sequence[PlannedResource]) -> Iterator[tuple[PlannedResource, str]]:
    """Yield each load balancer with a port without TLS, if it has a certificate or faces the internet."""
    for each in resources:
        spec: dict[str, Any] = each.inputs.get("spec") or {}
        if each.token != _SERVICE or spec.get("type") != "LoadBalancer":
            continue
        metadata: dict[str, Any] = each.inputs.get("metadata") or {}
        said: dict[str, str] = {
            name.removeprefix(_PREFIX): str(value)
            for name, value in (metadata.get("annotations") or {}).items()
            if name.startswith(_PREFIX)
        }
        if "ssl-cert" not in said and not _faces_the_internet(said):
            continue
        # Without this list every port has the certificate; without a certificate none has.
        encrypted = said.get("ssl-ports", "*").split(",") if "ssl-cert" in said else []
        for port in spec.get("ports") or []:
            number = f"{port['port']:.0f}"
            if not {number, str(port.get("name")), "*"} & {*encrypted}:
                yield each, f"offers port {number} in clear text"


def _faces_the_internet(said: dict[str, str]) -> bool:
    # The load balancer of a Service faces the internet unless an annotation says otherwise.
    return said.get("scheme", "internet-facing") == "internet-facing" and said.get("internal") != "true"
