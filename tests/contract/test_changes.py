"""A change that AWS would not carry out in place makes the object anew."""

from collections.abc import Sequence

import pytest

from tests.fixtures import platform
from tests.fixtures.recorder import Registration

# The cloud's controller gives a load balancer its scheme once, and passes over a change of it.
_SCHEME = "service.beta.kubernetes.io/aws-load-balancer-internal"


def kept_at_a_change_of_scheme(services: Sequence[Registration]) -> list[str]:
    """Return one clause for each load balancer whose Service would stay when its scheme changes."""
    path = f'metadata.annotations["{_SCHEME}"]'
    return [
        f"{each.name} keeps its load balancer when its scheme changes"
        for each in services
        if each.inputs["spec"].get("type") == "LoadBalancer"
        and not (path in each.replace_on_changes and each.delete_before_replace)
    ]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_another_scheme_is_another_load_balancer(stack: str) -> None:
    services = platform.stack(stack).of_type("kubernetes:core/v1:Service")
    assert kept_at_a_change_of_scheme(services) == []
    balancers = [each for each in services if each.inputs["spec"].get("type") == "LoadBalancer"]
    assert [_SCHEME in each.inputs["metadata"]["annotations"] for each in balancers] == [True]
