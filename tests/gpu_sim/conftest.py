"""The simulated tier, started once for all tests."""

import os
from collections.abc import Callable, Generator

import pytest

from harness import published_figures
from simulation.gpus import tier as simulated
from simulation.gpus.api import Object
from simulation.gpus.pods import states
from simulation.gpus.tier import Tier

_GONE_SECONDS = published_figures.bounds("gpu-tier")["team_empty"].value


@pytest.fixture(scope="session")
def tier() -> Generator[Tier]:
    """The tier, in separate network and process namespaces."""
    if not os.environ.get(simulated.INSIDE):
        pytest.fail("the simulated tier needs its own namespaces: run `make gpu-sim`", pytrace=False)
    with simulated.running() as running:
        yield running


class Team:
    """One team's namespace."""

    def __init__(self, tier: Tier, name: str) -> None:
        self._tier = tier
        self.name = name
        self._path = f"/api/v1/namespaces/{name}/pods"

    def pods(self) -> list[Object]:
        """Return its pods."""
        return self._tier.api.items(self._path)

    def reaches(self, what: str, *, timeout_seconds: float, successes: int = 1, **wanted: int) -> None:
        """Wait until exactly these numbers of pods are in these states."""

        def different() -> str | None:
            found = states(self.pods())
            return None if found == wanted else f"{dict(found)}, expected {wanted}"

        self._tier.wait(what, different, timeout_seconds=timeout_seconds, successes=successes)

    def clear(self) -> None:
        """Delete its pods and wait until they and their workloads are gone."""
        self._tier.api.delete_all(self._path)
        workloads = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{self.name}/workloads"

        def left() -> str | None:
            pods, queued = len(self.pods()), len(self._tier.api.items(workloads))
            return f"{pods} pods, {queued} workloads" if pods or queued else None

        self._tier.wait(f"{self.name} is empty", left, timeout_seconds=_GONE_SECONDS)


@pytest.fixture
def team(tier: Tier) -> Generator[Callable[[str], Team]]:
    """A function that returns a team's namespace by name; namespaces are emptied after the test."""
    given: dict[str, Team] = {}

    def give(name: str) -> Team:
        given[name] = Team(tier, name)
        return given[name]

    yield give
    for each in given.values():
        each.clear()
