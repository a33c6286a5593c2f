"""A protected stack does not let a team go with its data, and says what that is."""

from typing import Any

import pytest

from infra import leaving_teams
from infra.errors import InfraError
from infra.settings import reader
from infra.settings.stack import Settings


def stack(*teams: str, protect: bool) -> Settings:
    return reader.parse(
        {
            "cluster": {"kind": "kubeconfig", "name": "local"},
            "protect": protect,
            "teams": [{"name": each} for each in teams],
        }
    )


def state(*teams: str, pipelines: bool = True, protect: bool = False) -> list[dict[str, Any]]:
    """Return what the engine records of a stack with these teams."""
    found: list[dict[str, Any]] = [{"type": "aws:s3/bucket:Bucket", "protect": protect}]
    for team in teams:
        found.append({"type": "plinth:index:TeamProfile", "inputs": {"team": team}})
        for name in (team, f"pipelines-{team}") if pipelines else (team,):
            outputs = {"kind": "Namespace", "metadata": {"name": name}}
            found.append({"type": "kubernetes:core/v1:Namespace", "outputs": outputs})
    return found


def refused(settings: Settings, resources: list[dict[str, Any]]) -> str:
    with pytest.raises(InfraError) as caught:
        leaving_teams.require_none("prod", settings, resources)
    (line,) = str(caught.value).splitlines()
    return line


def test_what_the_team_holds_is_named() -> None:
    line = refused(stack("applied", protect=True), state("research", "applied"))
    assert line.startswith(
        "stack prod: its settings leave out a team, and the stack is protected: research holds "
    )
    for held in (
        "namespace research",
        "mlpipeline_research and metadb_research",
        "bucket pipelines-research",
    ):
        assert held in line
    assert "Put it back, or run `up` once with plinth:protect set to false" in line
    assert "applied" not in line


def test_a_team_without_pipelines_holds_its_namespace_alone() -> None:
    line = refused(stack(protect=True), state("vision", pipelines=False))
    assert "vision holds namespace vision with its volumes and models. Put" in line


def test_protection_ends_with_the_update_that_takes_it_away() -> None:
    assert "research holds" in refused(stack(protect=False), state("research", protect=True))
    leaving_teams.require_none("prod", stack(protect=False), state("research"))


def test_a_team_that_stays_or_comes_is_no_matter() -> None:
    leaving_teams.require_none("prod", stack("research", "new", protect=True), state("research"))
    leaving_teams.require_none("prod", stack("research", protect=True), [])
