"""Readiness: has the new version answered enough requests well to get all of them?

The suspicion is turned round here: "its failure ratio is `max_error_ratio` or more" must be refuted before
the version is promoted (a martingale of Bernoulli trials; its value is an e-value against that ratio). So no
answers are no promotion, and it is the number of requests that counts, not the minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from delivery.statistics import evidence

BAD_PROMOTIONS = 0.05
"""Share of versions with a failure ratio of `max_error_ratio` or more that are still promoted, at most."""
THRESHOLD = evidence.threshold_for(BAD_PROMOTIONS)
"""Evidence, as log10, at which the canary is good enough."""

_SHARES_OF_BOUND = (0.05, 0.1, 0.25, 0.5)
_MOST_REQUESTS = 10**9


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a rollout as it is planned."""

    canary_share: float
    """Share of the requests that the route sends to the canary, between 0 and 1."""
    seconds: float
    """Least duration; the last step takes as long as the verdict does."""


def log10_evidence(requests: float, failures: float, max_error_ratio: float) -> float:
    """Return the evidence, as log10, that the canary's failure ratio is below `max_error_ratio`.

    Args:
        requests: Requests that the canary has answered, in all steps.
        failures: How many of them failed.
        max_error_ratio: Failure ratio that is too much, between 0 and 1.
    """
    if not 0 < max_error_ratio < 1:
        raise ValueError(
            f"maxErrorRatio: {max_error_ratio} is no ratio between 0 and 1; 0.01 allows one in a hundred"
        )
    evidence.check_counts("failures of the canary", requests, failures)
    alternatives = [max_error_ratio * share for share in _SHARES_OF_BOUND]
    return evidence.for_ratio(requests, failures, max_error_ratio, alternatives)


def is_good_enough(requests: float, failures: float, max_error_ratio: float) -> bool:
    """Return whether the evidence suffices to promote the canary."""
    return log10_evidence(requests, failures, max_error_ratio) >= THRESHOLD


def requests_needed(max_error_ratio: float, failure_ratio: float = 0.0) -> int | None:
    """Return how many requests a canary must answer until it is promoted.

    Args:
        max_error_ratio: Failure ratio that is too much.
        failure_ratio: Failure ratio of the canary itself. If there is one, about half of all rollouts take
        longer.

    Returns:
        The number of requests; None if such a canary would hardly ever be promoted.
    """
    if not 0 <= failure_ratio < 1:
        raise ValueError(f"failure ratio: {failure_ratio} is no ratio between 0 and 1")
    # The evidence is a convex function of the requests that begins at 0: it passes the threshold once.
    few, many = 0, 1
    while not _expected(many, failure_ratio, max_error_ratio):
        few, many = many, 2 * many
        if many > _MOST_REQUESTS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        if _expected(middle, failure_ratio, max_error_ratio):
            many = middle
        else:
            few = middle
    return many


def seconds_needed(requests: int, requests_per_second: float, steps: Sequence[Step]) -> float:
    """Return after how many seconds of a rollout the canary has answered so many requests.

    Args:
        requests: As `requests_needed` returns them.
        requests_per_second: Rate at which callers ask for both versions together.
        steps: Steps of the rollout, in order.
    """
    if not steps or steps[-1].canary_share <= 0 or requests_per_second <= 0:
        raise ValueError(
            "steps: without requests to the canary there is no verdict; give a rate and a last share"
        )
    elapsed, missing = 0.0, float(requests)
    for step in steps[:-1]:
        elapsed += step.seconds
        missing -= requests_per_second * step.canary_share * step.seconds
    last = steps[-1]
    return elapsed + max(last.seconds, missing / (requests_per_second * last.canary_share))


def _expected(requests: int, failure_ratio: float, max_error_ratio: float) -> bool:
    return is_good_enough(requests, requests * failure_ratio, max_error_ratio)
