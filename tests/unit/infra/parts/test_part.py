"""What parts hand to each other."""

import pytest

from infra.parts.part import Connections, Provides
from tests.unit.infra.parts.sample import Left, Right, part


def test_a_connection_is_found_by_its_type() -> None:
    connections = Connections()
    connections.add(Provides(connections=(Left(),)))
    assert connections.get(Left) == Left()
    assert connections.resources(Left) == ()
    with pytest.raises(KeyError):
        connections.get(Right)


def test_pods_run_in_a_parts_namespaces_unless_it_says_otherwise() -> None:
    assert part("one", namespaces=("a", "b")).pods_in == ("a", "b")
    assert part("one", namespaces=("a",), runs_in=("b",)).pods_in == ("b",)
