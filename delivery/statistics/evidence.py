"""Evidence as a logarithm to the base 10, and the threshold at which it is a verdict.

The evidence is an e-value: a likelihood ratio, averaged over a grid of alternatives, whose expectation is 1
at most while the suspicion is false. By Ville's inequality it ever exceeds 1 / p with probability p at most,
however often somebody looks. The grid is averaged after all counts are in: an average for each step would be
worth less, and stopping at one of several averages would be worth nothing.
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any


def threshold_for(false_verdicts: float) -> float:
    """Return the evidence, as log10, that a false suspicion ever reaches with this probability at most."""
    if not 0 < false_verdicts < 1:
        raise ValueError(f"false verdicts: {false_verdicts} is no probability between 0 and 1")
    return -math.log10(false_verdicts)


def average(logarithms: Sequence[float]) -> float:
    """Return log10 of the average of numbers that are given as log10, however large they are."""
    library = _library(logarithms[0])
    largest = reduce(max if library is math else library.maximum, logarithms)
    total = sum(library.exp((each - largest) * math.log(10)) for each in logarithms)
    return largest + library.log10(total / len(logarithms))


def for_ratio(requests: float, hits: float, bound: float, alternatives: Sequence[float]) -> float:
    """Return the evidence that the ratio of hits is not `bound` but one of the alternatives.

    The suspicion has one side: with all alternatives above the bound, ratios below it are as innocent as the
    bound itself, and the other way round. Rows may depend on each other as long as none of them is a hit with
    more than the bounding probability, given those before it.
    """
    return average(
        [
            hits * math.log10(each / bound) + (requests - hits) * math.log10((1 - each) / (1 - bound))
            for each in alternatives
        ]
    )


def check_counts(name: str, total: float, part: float) -> None:
    """Raise ValueError if a part is more than its total, or negative."""
    possible: Any = (part >= 0) & (part <= total)
    if not (possible if isinstance(possible, bool) else possible.all()):
        raise ValueError(f"{name}: {part} of {total}; give counts, the part between 0 and the total")


def _library(number: Any) -> Any:
    """Return the functions for a number, or for an array by the standard that arrays share."""
    return number.__array_namespace__() if hasattr(number, "__array_namespace__") else math
