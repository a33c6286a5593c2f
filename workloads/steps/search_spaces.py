"""What a search may try: the parameters of each family with their bounds, and how a user narrows them.

Embedded in the steps that search and train, with the module that it imports from here.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workloads.steps.choices import FAMILIES

SAMPLERS = ("random", "tpe", "cmaes")


@dataclass(frozen=True)
class Bounds:
    """The least and the largest value of a parameter."""

    low: float
    high: float
    whole: bool = False
    """Whether it is a whole number."""
    log: bool = False
    """Whether it is searched by its order of magnitude."""

    def value(self, number: float) -> float:
        """Return a number as the parameter takes it."""
        return int(number) if self.whole else float(number)

    def __str__(self) -> str:
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g}..{self.high:g}"


_TREES = {"n_estimators": Bounds(20, 300, whole=True)}
_BOOSTED = {
    **_TREES,
    "learning_rate": Bounds(0.01, 0.5, log=True),
    "colsample_bytree": Bounds(0.3, 1.0),
    "regularization": Bounds(0.01, 10.0, log=True),
}
SPACES: Mapping[str, Mapping[str, Bounds]] = {
    "linear": {"regularization": Bounds(0.001, 1000.0, log=True)},
    "random_forest": {
        **_TREES,
        "max_depth": Bounds(2, 32, whole=True),
        "min_samples_leaf": Bounds(1, 20, whole=True),
        "max_features": Bounds(0.1, 1.0),
    },
    "xgboost": {**_BOOSTED, "max_depth": Bounds(2, 10, whole=True), "subsample": Bounds(0.5, 1.0)},
    "lightgbm": {
        **_BOOSTED,
        "num_leaves": Bounds(4, 64, whole=True),
        "min_child_samples": Bounds(2, 50, whole=True),
    },
}
"""Bounds by family and parameter, the latter by the libraries' names, but for the regularization."""


def narrowed(family: str, search: Iterable[str]) -> dict[str, Bounds]:
    """Return the bounds of a family's parameters, narrowed by NAME=LOW..HIGH or fixed by NAME=VALUE.

    Raises:
        ValueError: no bounds, not of a parameter, not within its own, or nothing is left; one line.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r}: unknown; give one of {', '.join(FAMILIES)}")
    space = dict(SPACES[family])
    named: set[str] = set()
    for each in search:
        name, _, given = (part.strip() for part in each.partition("="))
        if name not in space:
            raise ValueError(
                f"search {each!r}: {family} has no parameter {name!r}; it has {', '.join(sorted(space))}"
            )
        if name in named:
            raise ValueError(f"search {each!r}: {name} is given twice; give it once")
        named.add(name)
        space[name] = _narrower(each, given, space[name])
    if all(bounds.low == bounds.high for bounds in space.values()):
        raise ValueError(
            f"search: every parameter of {family} is fixed, nothing is left to search; "
            f"give one of {', '.join(sorted(space))} as LOW..HIGH"
        )
    return space


def _narrower(text: str, given: str, within: Bounds) -> Bounds:
    """Return the bounds that a user gives, which must be inside of the parameter's own."""
    first, dots, last = given.partition("..")
    try:
        low, high = float(first), float(last if dots else first)
    except ValueError:
        raise ValueError(
            f"search {text!r}: give numbers, NAME=LOW..HIGH or NAME=VALUE, as in regularization=0.01..10"
        ) from None
    if low > high:
        raise ValueError(f"search {text!r}: empty, {low:g} is above {high:g}; give LOW..HIGH")
    # Also false for NaN.
    if not within.low <= low <= high <= within.high:
        raise ValueError(f"search {text!r}: not within {within}; give bounds inside of these")
    if within.whole and not (low.is_integer() and high.is_integer()):
        raise ValueError(f"search {text!r}: not whole numbers; give such as {within}")
    return Bounds(within.value(low), within.value(high), within.whole, within.log)


def refuse_search(family: str, sampler: str, trials: int, search: Iterable[str]) -> None:
    """Refuse a search that could not find anything.

    Raises:
        ValueError: an unknown sampler, no trials, or an empty space; one line.
    """
    space = narrowed(family, search)
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler {sampler!r}: unknown; give one of {', '.join(SAMPLERS)}")
    if trials < 1:
        raise ValueError(f"trials {trials}: give at least 1")
    free = [name for name, bounds in space.items() if bounds.low < bounds.high]
    if sampler == "cmaes" and len(free) < 2:
        raise ValueError(
            f"sampler 'cmaes': searches two parameters or more, and of {family} there is {free[0]} alone; "
            "give tpe or random"
        )


def parameters_of(family: str, text: str) -> dict[str, float]:
    """Return the parameters that a search has found; none of an empty text.

    Args:
        family: The family of models.
        text: JSON object of numbers by name.

    Raises:
        ValueError: it is none, or not of this family; one line.
    """
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"parameters {text!r}: not a JSON object; give the numbers by name")
    space = SPACES[family]
    for name, value in found.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if name not in space or not number or not space[name].low <= value <= space[name].high:
            offered = ", ".join(f"{each} {space[each]}" for each in sorted(space))
            raise ValueError(f"parameters: {name} = {value!r} is none of {family}; it has {offered}")
    return {name: space[name].value(value) for name, value in found.items()}
