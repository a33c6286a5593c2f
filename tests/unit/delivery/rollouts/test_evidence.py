"""Evidence, from counts alone."""

from dataclasses import replace

from delivery.rollouts.evidence import weigh
from delivery.rollouts.records import Counts, Status
from delivery.statistics import agreement, errors
from delivery.statistics.agreement import AgreementCounts
from tests.unit.delivery.rollouts.rollout_cases import rollout


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
