"""The gateway's target and alerts."""

from components.access import monitoring
from components.access.gateway import METRICS_PORT
from components.monitoring.timing import OPERATION


def test_the_target_is_the_port_that_traefik_opens() -> None:
    (target,) = monitoring.watch("entry", OPERATION).targets
    assert (target.namespace, target.port) == ("entry", METRICS_PORT)


def test_a_gateway_without_a_pod_is_critical_and_errors_are_a_warning() -> None:
    down, errors = monitoring.watch("entry", OPERATION).rules["gateway"]
    assert 'namespace="entry"' in down.expression
    assert [each.severity for each in (down, errors)] == ["critical", "warning"]  # pyright: ignore
    assert "[15m]" in errors.expression
