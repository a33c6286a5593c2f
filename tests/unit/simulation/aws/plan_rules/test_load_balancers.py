"""A load balancer with a certificate offers nothing in clear, and one that faces the internet neither."""

from typing import Any

import pytest

from simulation.aws.plan_rules import load_balancers
from tests.unit.simulation.aws.test_rules import planned

_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
_INSIDE = {"internal": "true"}
_CERTIFICATE = {"ssl-cert": "arn:aws:acm:us-east-1:123456789012:certificate/c", "ssl-ports": "443"}
_CLEAR, _TLS = {"name": "web", "port": 80.0}, {"name": "web-tls", "port": 443.0}


def _reasons(
    ports: list[dict[str, Any]], annotations: dict[str, str], kind: str = "LoadBalancer"
) -> list[str]:
    service = planned(
        "kubernetes:core/v1:Service",
        metadata={"annotations": {f"{_PREFIX}{name}": value for name, value in annotations.items()}},
        spec={"type": kind, "ports": ports},
    )
    return [reason for _, reason in load_balancers.find_clear_text([service])]


@pytest.mark.parametrize(
    ("ports", "annotations"),
    [
        ([_TLS], _INSIDE | _CERTIFICATE),
        ([_TLS], _CERTIFICATE | {"ssl-ports": "web-tls"}),
        ([_TLS, _CLEAR], {"ssl-cert": "arn", "internal": "true"}),
        ([_CLEAR], _INSIDE),
        ([_CLEAR], {"scheme": "internal"}),
    ],
)
def test_ports_with_the_certificate_and_load_balancers_inside_are_fine(
    ports: list[dict[str, Any]], annotations: dict[str, str]
) -> None:
    assert _reasons(ports, annotations) == []


@pytest.mark.parametrize(
    ("ports", "annotations"),
    [
        ([_CLEAR, _TLS], _INSIDE | _CERTIFICATE),
        ([_CLEAR], {"internal": "false"}),
        ([_CLEAR], {"scheme": "internet-facing"}),
        ([_CLEAR], {}),
    ],
)
def test_a_port_in_clear_is_reported(ports: list[dict[str, Any]], annotations: dict[str, str]) -> None:
    assert _reasons(ports, annotations) == ["offers port 80 in clear text"]


def test_a_service_inside_the_cluster_may_do_without_tls() -> None:
    assert _reasons([_CLEAR], {}, kind="ClusterIP") == []
