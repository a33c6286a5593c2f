"""The gateway's target and alerts."""

import re

from components.access import monitoring
from components.access.traefik_configuration import METRICS_PORT, entries
from components.monitoring.timing import OPERATION


def test_the_target_is_the_port_that_traefik_opens() -> None:
    (target,) = monitoring.watch("entry", OPERATION).targets
    assert (target.namespace, target.port) == ("entry", METRICS_PORT)


def test_a_gateway_without_a_pod_is_critical_and_errors_are_a_warning() -> None:
    down, errors = monitoring.watch("entry", OPERATION).rules["gateway"]
    assert 'namespace="entry"' in down.expression
    assert [each.severity for each in (down, errors)] == ["critical", "warning"]  # pyright: ignore
    assert "[15m]" in errors.expression


def test_errors_count_at_every_entry_point_of_users() -> None:
    (_, errors) = monitoring.watch("entry", OPERATION).rules["gateway"]
    (pattern,) = {*re.findall(r'entrypoint=~"([^"]+)"', errors.expression)}
    names = {each.split(".")[1] for each in entries(secure=True)}
    assert len(names) == 2
    assert all(re.fullmatch(pattern, each) for each in names)
    assert not re.fullmatch(pattern, "traefik")
