"""Bounds of the parameters of each family, and what users may make of them."""

import json
from typing import Any

import pytest

from workloads.steps.choices import FAMILIES
from workloads.steps.search_spaces import SPACES, Bounds, narrowed, parameters_of, refuse_search


def refused(function: Any, *arguments: Any) -> str:
    with pytest.raises(ValueError) as found:  # noqa: PT011 - the whole text is compared
        function(*arguments)
    return str(found.value)


def test_every_family_has_a_space_that_is_not_empty() -> None:
    assert set(SPACES) == set(FAMILIES)
    for family in FAMILIES:
        assert all(bounds.low < bounds.high for bounds in narrowed(family, []).values())


def test_a_space_is_narrowed_and_fixed() -> None:
    found = narrowed("xgboost", ["regularization=0.05..2", " max_depth = 4 "])
    assert found["regularization"] == Bounds(0.05, 2.0, log=True)
    assert found["max_depth"] == Bounds(4, 4, whole=True)
    assert isinstance(found["max_depth"].low, int)
    assert (str(found["regularization"]), str(found["max_depth"])) == ("0.05..2", "4")
    others = {name: bounds for name, bounds in found.items() if name not in ("regularization", "max_depth")}
    assert others.items() <= SPACES["xgboost"].items()


@pytest.mark.parametrize(
    ("family", "search", "reason"),
    [
        ("forest", [], "family 'forest': unknown; give one of linear, random_forest, xgboost, lightgbm"),
        (
            "linear",
            ["depth=1..2"],
            "search 'depth=1..2': linear has no parameter 'depth'; it has regularization",
        ),
        (
            "linear",
            ["regularization=1..2", "regularization=3..4"],
            "search 'regularization=3..4': regularization is given twice; give it once",
        ),
        (
            "linear",
            ["regularization=a..b"],
            "search 'regularization=a..b': give numbers, NAME=LOW..HIGH or NAME=VALUE, "
            "as in regularization=0.01..10",
        ),
        (
            "linear",
            ["regularization"],
            "search 'regularization': give numbers, NAME=LOW..HIGH or NAME=VALUE, "
            "as in regularization=0.01..10",
        ),
        (
            "linear",
            ["regularization=5..1"],
            "search 'regularization=5..1': empty, 5 is above 1; give LOW..HIGH",
        ),
        (
            "linear",
            ["regularization=0..1"],
            "search 'regularization=0..1': not within 0.001..1000; give bounds inside of these",
        ),
        (
            "linear",
            ["regularization=nan..1"],
            "search 'regularization=nan..1': not within 0.001..1000; give bounds inside of these",
        ),
        (
            "xgboost",
            ["max_depth=2.5..4"],
            "search 'max_depth=2.5..4': not whole numbers; give such as 2..10",
        ),
        (
            "linear",
            ["regularization=1"],
            "search: every parameter of linear is fixed, nothing is left to search; "
            "give one of regularization as LOW..HIGH",
        ),
    ],
)
def test_bounds_that_are_none_are_refused_in_one_line(family: str, search: list[str], reason: str) -> None:
    assert refused(narrowed, family, search) == reason


@pytest.mark.parametrize(
    ("family", "sampler", "trials", "search", "reason"),
    [
        ("linear", "grid", 1, [], "sampler 'grid': unknown; give one of random, tpe, cmaes"),
        ("linear", "tpe", 0, [], "trials 0: give at least 1"),
        (
            "linear",
            "cmaes",
            1,
            [],
            "sampler 'cmaes': searches two parameters or more, and of linear there is regularization alone; "
            "give tpe or random",
        ),
        (
            "random_forest",
            "cmaes",
            1,
            ["n_estimators=50", "max_depth=4", "max_features=0.5"],
            "sampler 'cmaes': searches two parameters or more, "
            "and of random_forest there is min_samples_leaf alone; give tpe or random",
        ),
        (
            "linear",
            "tpe",
            1,
            ["regularization=5..1"],
            "search 'regularization=5..1': empty, 5 is above 1; give LOW..HIGH",
        ),
    ],
)
def test_a_search_that_could_find_nothing_is_refused_in_one_line(
    family: str, sampler: str, trials: int, search: list[str], reason: str
) -> None:
    assert refused(refuse_search, family, sampler, trials, search) == reason


@pytest.mark.parametrize(
    ("family", "sampler"), [("linear", "random"), ("linear", "tpe"), ("xgboost", "cmaes")]
)
def test_a_search_that_can_find_something_is_accepted(family: str, sampler: str) -> None:
    refuse_search(family, sampler, 1, [])


def test_found_parameters_come_back_with_every_digit_and_their_kind() -> None:
    assert parameters_of("linear", "") == {}
    given = {"max_depth": 4, "regularization": 0.1 + 0.2, "n_estimators": 50.0}
    found = parameters_of("xgboost", json.dumps(given))
    assert found == given
    assert [type(found[name]) for name in given] == [int, float, int]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "parameters '[1]': not a JSON object; give the numbers by name"),
        ("{", "parameters '{': not a JSON object; give the numbers by name"),
        (
            '{"regularization": 1e9}',
            "parameters: regularization = 1000000000.0 is none of linear; it has regularization 0.001..1000",
        ),
        (
            '{"regularization": NaN}',
            "parameters: regularization = nan is none of linear; it has regularization 0.001..1000",
        ),
        (
            '{"regularization": true}',
            "parameters: regularization = True is none of linear; it has regularization 0.001..1000",
        ),
        (
            '{"max_depth": 4}',
            "parameters: max_depth = 4 is none of linear; it has regularization 0.001..1000",
        ),
    ],
)
def test_parameters_that_no_search_finds_are_refused_in_one_line(text: str, reason: str) -> None:
    assert refused(parameters_of, "linear", text) == reason
