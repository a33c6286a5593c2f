"""Evidence, from counts alone."""

import math
from dataclasses import replace

import numpy as np

from delivery.rollouts.evidence import weigh
from delivery.rollouts.records import Counts, Status
from delivery.statistics import agreement, errors
from delivery.statistics.agreement import AgreementCounts
from tests.unit.delivery.experiments.labelled import ASKED
from tests.unit.delivery.rollouts.rollout_cases import rollout
from workloads.serving.experiment_request import Experiment

_STREAMS = 200
_LOOKS = 20


def test_without_counts_there_is_no_evidence() -> None:
    found = weigh(rollout(), Status())
    assert {key for key, value in found.items() if value and not key.endswith("Threshold")} == set()


def test_each_kind_of_count_is_evidence_of_its_own() -> None:
    failing = Status(counts=(Counts(weight=5, canary=5, canary_failed=5, stable=95),))
    found = weigh(rollout(), failing)
    assert found["failsMore"] > errors.THRESHOLD
    assert found["disagrees"] == 0
    found = weigh(rollout(), replace(Status(), shadow=AgreementCounts(rows=5, different=5)))
    assert found["disagrees"] > agreement.THRESHOLD
    assert found["failsMore"] == 0


def test_where_units_are_assigned_their_share_of_the_requests_is_what_counts() -> None:
    # A caller who sends most requests is in the new version; both fail alike.
    uneven = Status(
        counts=(Counts(weight=50, canary=4000, canary_failed=800, stable=1000, stable_failed=200),)
    )
    assert weigh(rollout(), uneven)["failsMore"] > errors.THRESHOLD
    assert weigh(rollout(experiment=ASKED), uneven)["failsMore"] < 0
    worse = Status(
        counts=(Counts(weight=50, canary=4000, canary_failed=800, stable=1000, stable_failed=100),)
    )
    assert weigh(rollout(experiment=ASKED), worse)["failsMore"] > errors.THRESHOLD


def _false_rollbacks(experiment: Experiment | None) -> float:
    """Return the share of rollbacks of a version that fails as the other one, on a fifth of the requests."""
    random = np.random.default_rng(1)
    asked = rollout(experiment=experiment)
    ended = 0
    for _ in range(_STREAMS):
        counts = Counts(weight=50)
        for _ in range(_LOOKS):
            canary, stable = (int(random.poisson(mean)) for mean in (80, 320))
            failed = [int(random.binomial(each, 0.05)) for each in (canary, stable)]
            counts = counts.plus(
                Counts(
                    weight=50,
                    canary=canary,
                    canary_failed=failed[0],
                    stable=stable,
                    stable_failed=failed[1],
                )
            )
            if weigh(asked, Status(counts=(counts,)))["failsMore"] >= errors.THRESHOLD:
                ended += 1
                break
    return ended / _STREAMS


def test_units_that_are_not_equally_busy_roll_no_version_back() -> None:
    promised = errors.FALSE_ROLLBACKS
    assert _false_rollbacks(ASKED) <= promised + 3 * math.sqrt(promised * (1 - promised) / _STREAMS)
    # By the weight that they do not have nearly all would be.
    assert _false_rollbacks(None) > 0.9
