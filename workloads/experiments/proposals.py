"""Parameters as Katib proposes them: each a number between two bounds, evenly spread.

Embedded in the step that searches, with the module that it imports from here.
"""

import math
from collections.abc import Mapping
from typing import Any

from workloads.steps.search_spaces import Bounds

_BY_MAGNITUDE = "_log10"


def searched(space: Mapping[str, Bounds]) -> dict[str, Bounds]:
    """Return the bounds of the parameters that are searched; the others are fixed."""
    return {name: bounds for name, bounds in space.items() if bounds.low < bounds.high}


def proposed_name(name: str, bounds: Bounds) -> str:
    """Return the name of what is proposed for a parameter; goptuna's service in Katib knows no logarithms."""
    return f"{name}{_BY_MAGNITUDE}" if bounds.log else name


def parameter_specs(space: Mapping[str, Bounds]) -> list[dict[str, Any]]:
    """Return the parameters of an experiment.

    Whole numbers are rounded by the trial: goptuna would never draw the largest of them at random.
    """
    specs: list[dict[str, Any]] = []
    for name, bounds in searched(space).items():
        low, high = bounds.low, bounds.high
        if bounds.log:
            low, high = math.log10(low), math.log10(high)
        elif bounds.whole:
            low, high = low - 0.5, high + 0.5
        specs.append(
            {
                "name": proposed_name(name, bounds),
                "parameterType": "double",
                "feasibleSpace": {"min": repr(float(low)), "max": repr(float(high))},
            }
        )
    return specs


def proposed_parameters(space: Mapping[str, Bounds], proposed: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters of a trial, of the family's names, from what was proposed."""
    found: dict[str, float] = {}
    for name, bounds in space.items():
        value = proposed.get(proposed_name(name, bounds), bounds.low)
        if bounds.log and bounds.low < bounds.high:
            value = 10**value
        if bounds.whole:
            value = round(value)
        found[name] = bounds.value(min(max(value, bounds.low), bounds.high))
    return found
