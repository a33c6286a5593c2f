"""README publishes what docs/figures holds, and every bound has its margin."""

import tomllib
from typing import Any

import pytest
import yaml

from harness import published_figures
from harness.evidence.figures import FIGURES
from tests.contract import repository

FILES = sorted(path.stem for path in published_figures.FOLDER.glob("*.toml"))
BOUNDS = [(name, bound) for name in FILES for bound in published_figures.bounds(name).values()]
PROFILES = repository.ROOT / "loadtests/profiles"


def test_readmes_table_is_made_from_the_data() -> None:
    text = published_figures.README.read_text()
    assert published_figures.updated(text) == text, "run `python -m harness figures --write`"


def test_every_file_with_rows_is_published() -> None:
    table = published_figures.table()
    for name in FILES:
        for row in published_figures.rows(name):
            assert row.text in table, f"{name}.toml: {row.text}"


@pytest.mark.parametrize("name", FILES)
def test_a_figure_lies_within_its_spread(name: str) -> None:
    for row in published_figures.rows(name):
        for figure in row.figures:
            if figure.spread:
                low, high = figure.spread
                assert low <= figure.value <= high, f"{name}.toml: {row.text}: {figure.name}"


@pytest.mark.parametrize(("name", "bound"), BOUNDS, ids=[f"{name}-{bound.name}" for name, bound in BOUNDS])
def test_every_run_on_record_kept_its_bound(name: str, bound: published_figures.Bound) -> None:
    if bound.margin is None:
        assert bound.text.endswith("no run is on record"), "without trials its text says so"
    else:
        assert bound.margin > 1


def test_the_goals_of_a_night_are_those_of_the_data() -> None:
    goals = {figure.name: figure.goal for figure in FIGURES if figure.goal is not None}
    bounds = published_figures.bounds("night")
    assert {name: bound.value for name, bound in bounds.items()} == goals
    better = {figure.name: figure.higher_is_better for figure in FIGURES if figure.goal is not None}
    assert {name: bound.at_least for name, bound in bounds.items()} == better


def test_every_service_level_has_its_reason() -> None:
    levels = {
        (path.stem, level): value
        for path in PROFILES.glob("*.yaml")
        for level, value in yaml.safe_load(path.read_text())["slo"].items()
    }
    reasons: list[dict[str, Any]] = tomllib.loads((published_figures.FOLDER / "load.toml").read_text())[
        "level"
    ]
    assert sorted((each["profile"], each["name"]) for each in reasons) == sorted(levels)
    for each in reasons:
        # Throughput must reach its level; latency and errors must stay below it.
        if "trials" in each:
            assert each["name"].endswith("PerSecond")
            assert min(each["trials"]) > levels[each["profile"], each["name"]]
