"""Latency: is the new version slower than the stable one, in the same seconds and under the same load?

In each tick the histograms of both versions are compared by rank: how likely is an answer of the canary
slower than an answer of the stable version? Seconds themselves do not enter, so load that both share cancels
out. A tick in which that is more likely than `MARGIN` counts as slower, and the ticks are then like tosses of
a coin, whose value is an e-value: the canary is slower if it loses more often than a fair coin would.

That is fair only at a share of one half, where both versions are asked equally often: with 5 % of the load a
version is idle and looks fast, and a rank that is made of few answers on one side is not symmetric. The first
ticks of a version that has just started belong to its warm-up; leave them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from delivery.statistics import evidence

FALSE_ROLLBACKS = 0.005
"""Share of rollouts of a version as fast as the stable one that these verdicts roll back, at most."""
THRESHOLD = evidence.threshold_for(FALSE_ROLLBACKS)
"""Evidence, as log10, at which the canary is rolled back."""
MARGIN = 0.55
"""Probability that an answer of the canary is the slower one, above which a tick counts against it.

One half is no difference. The rest forgives a neighbour on the node that slows down one pod for some seconds.
"""
LEAST_ANSWERS = 5
"""Answers of each version without which a tick says nothing."""

_FAIR = 0.5
_ALTERNATIVES = (0.6, 0.75, 0.9, 0.99)


@dataclass(frozen=True, kw_only=True)
class TickCounts:
    """Ticks in which both versions were compared."""

    ticks: int = 0
    slower: int = 0
    """Ticks in which the canary was the slower one by more than the margin."""

    def __post_init__(self) -> None:
        evidence.check_counts("slower ticks", self.ticks, self.slower)


def slower_probability(canary: Sequence[float], stable: Sequence[float]) -> float:
    """Return how likely an answer of the canary is slower than one of the stable version.

    Equal buckets count half. Bounds of buckets matter only by their order, so a difference within one bucket
    is invisible.

    Args:
        canary: Answers within each bound of the histogram in this tick, cumulative as in Prometheus, `+Inf`
        last.
        stable: The same of the stable version, with the same bounds. Both must have answers.
    """
    below, pairs = 0.0, 0.0
    slower_than = [0.0, *stable[:-1]]
    for cumulative, faster, up_to in zip(canary, slower_than, stable, strict=True):
        pairs += (cumulative - below) * (faster + up_to) / 2
        below = cumulative
    return pairs / (canary[-1] * stable[-1])


def add_tick(counts: TickCounts, canary: Sequence[float], stable: Sequence[float]) -> TickCounts:
    """Return the counts after one more tick, which says nothing if one of the versions hardly answered."""
    for name, histogram in (("the canary", canary), ("the stable version", stable)):
        rising = all(low <= high for low, high in zip([0, *histogram], histogram, strict=False))
        if not histogram or not rising or len(canary) != len(stable):
            raise ValueError(
                f"histogram of {name}: {list(histogram)} is not cumulative over the same buckets for both; "
                "give what was added in this tick"
            )
    if min(canary[-1], stable[-1]) < LEAST_ANSWERS:
        return counts
    is_slower = slower_probability(canary, stable) > MARGIN
    return TickCounts(ticks=counts.ticks + 1, slower=counts.slower + is_slower)


def log10_evidence(counts: TickCounts) -> float:
    """Return the evidence, as log10, that the canary is the slower one in more than half of all ticks."""
    return evidence.for_ratio(counts.ticks, counts.slower, _FAIR, _ALTERNATIVES)


def is_slower(counts: TickCounts) -> bool:
    """Return whether the evidence suffices to roll the canary back."""
    return log10_evidence(counts) >= THRESHOLD
