"""Rollouts while something else is wrong, and many times over: the verdict depends on the version alone."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest

from harness.faults.candidates import faulty_candidate
from harness.faults.injection import metrics_down, scale_to_zero
from tests.e2e.callers import calling
from tests.e2e.rolling import (
    MODEL,
    begin,
    digest_of,
    ended,
    kept,
    other_version,
    roll_out,
    serve,
    serving,
    serving_again,
)
from workloads.endpoints import Endpoints
from workloads.serving.model_rollout import SERVES, Phase, rollout_phase, rollout_reason
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect
from workloads.wait import wait

# Each of them is several rollouts under load.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

Record = Callable[[str, object], None]
_RATE = 60
_NULL_ROLLOUTS = 20
_MOST_FAILED = 15
"""Callers of a version that fails one request in five, until it gets none any more."""
_AT_HALF = [{"weight": 50, "seconds": 6}]


@pytest.fixture(scope="module")
def good_versions(endpoints: Endpoints) -> Generator[tuple[str, str]]:
    """The version that serves, and another one that is as good; at the end the first one serves again."""
    with serving_again(endpoints) as first:
        yield first, other_version(endpoints)


def _aliases(endpoints: Endpoints) -> tuple[str, str]:
    found = connect(endpoints).get_registered_model(MODEL).aliases
    return str(found["champion"]), str(found.get("previous"))


def test_without_a_registry_a_bad_version_goes_and_a_good_one_waits_for_it(
    endpoints: Endpoints, row: list[float], good_versions: tuple[str, str]
) -> None:
    former = serving(endpoints)
    target = next(each for each in good_versions if each != former)
    digest, deploy_again = digest_of(endpoints, target), kept(endpoints, target)
    rolling = ModelRollouts(endpoints)
    without_registry = scale_to_zero(endpoints.tracking_namespace, "mlflow")
    with (
        faulty_candidate(endpoints, MODEL, fail_every=5) as bad,
        calling(endpoints, MODEL, row, rate=_RATE) as answers,
    ):
        with without_registry(endpoints):
            refused = ended(endpoints, roll_out(endpoints, bad.version, bad.digest, shadowRows=0))
            assert rollout_phase(refused) is Phase.ROLLED_BACK
            assert "fails more often" in rollout_reason(refused)
            failed = answers.failed
            name = roll_out(endpoints, target, digest, steps=_AT_HALF, shadowRows=0)
            deploy_again()
            waiting = wait(
                f"rollout {name}",
                lambda: rolling.get(name),
                ready=lambda found: "the registry does not answer" in rollout_reason(found),
                timeout_seconds=180,
            )
            assert rollout_phase(waiting) is Phase.PROGRESSING
            assert waiting["status"]["weight"] == 50
        promoted = ended(endpoints, name)
    assert rollout_phase(promoted) is Phase.PROMOTED, rollout_reason(promoted)
    # The good version failed nobody, with a registry or without.
    assert answers.failed == failed, (answers.unanswered[:3], answers.failed_by_digest)
    assert _aliases(endpoints) == (target, former)
    # What was decided without it is on record now.
    tags = connect(endpoints).get_model_version(MODEL, bad.version).tags
    assert any(refused["metadata"]["name"] in key for key in tags), tags


def test_without_metrics_a_bad_version_goes_and_a_good_one_serves(
    endpoints: Endpoints, row: list[float], good_versions: tuple[str, str]
) -> None:
    former = serving(endpoints)
    target = next(each for each in good_versions if each != former)
    with (
        faulty_candidate(endpoints, MODEL, fail_every=5) as bad,
        metrics_down(endpoints),
        calling(endpoints, MODEL, row, rate=_RATE) as answers,
    ):
        refused = ended(endpoints, roll_out(endpoints, bad.version, bad.digest, shadowRows=0))
        assert rollout_phase(refused) is Phase.ROLLED_BACK
        assert "fails more often" in rollout_reason(refused)
        assert answers.failed <= _MOST_FAILED
        failed = answers.failed
        promoted = ended(endpoints, begin(endpoints, target, shadowRows=0))
    assert rollout_phase(promoted) is Phase.PROMOTED, rollout_reason(promoted)
    assert answers.failed == failed, (answers.unanswered[:3], answers.failed_by_digest)
    assert serving(endpoints) == target


def test_what_both_versions_fail_is_held_against_neither(
    endpoints: Endpoints, row: list[float], good_versions: tuple[str, str], record_property: Record
) -> None:
    former = serving(endpoints)
    rolling = ModelRollouts(endpoints)
    with ExitStack() as candidates:
        serves, comes = (
            candidates.enter_context(faulty_candidate(endpoints, MODEL, fail_every=5)) for _ in range(2)
        )
        candidates.callback(serve, endpoints, former)
        ended(
            endpoints,
            roll_out(endpoints, serves.version, serves.digest, steps=[], shadowRows=0, bakeSeconds=10),
        )
        assert serving(endpoints) == serves.version
        with calling(endpoints, MODEL, row, rate=_RATE):
            name = roll_out(endpoints, comes.version, comes.digest, steps=_AT_HALF, shadowRows=0)
            rolling.wait(name, [Phase.PROGRESSING], timeout_seconds=60)
            # Nine of ten bad versions are found within 20 s at this rate.
            until = time.monotonic() + 60
            found = wait(
                f"no verdict about {name}",
                lambda: rolling.get(name),
                ready=lambda _: time.monotonic() > until,
                error=lambda now: None if rollout_phase(now) is Phase.PROGRESSING else rollout_reason(now),
                timeout_seconds=90,
            )
            counted = found["status"]["counts"][-1]
        rolling.abort(name)
        ended(endpoints, name)
    assert counted["canaryFailed"] > 100
    assert counted["stableFailed"] > 100
    record_property("both fail one in five: the rollout waits", rollout_reason(found))


def test_the_same_model_rolled_out_twenty_times_is_promoted_twenty_times(
    endpoints: Endpoints, row: list[float], good_versions: tuple[str, str], record_property: Record
) -> None:
    seconds: list[float] = []
    with calling(endpoints, MODEL, row, rate=_RATE) as answers:
        for number in range(_NULL_ROLLOUTS):
            target = next(each for each in good_versions if each != serving(endpoints))
            began = time.monotonic()
            name = begin(endpoints, target, steps=_AT_HALF, shadowRows=0, bakeSeconds=10)
            rollout = ModelRollouts(endpoints).wait(name, SERVES, timeout_seconds=180)
            seconds.append(time.monotonic() - began)
            rollout = ended(endpoints, name)
            assert rollout_phase(rollout) is Phase.PROMOTED, (number, rollout_reason(rollout))
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    record_property(
        "null rollouts: promoted, requests, failed, slowest until it serves (s)",
        f"{len(seconds)}, {answers.by_digest.total()}, 0, {max(seconds):.0f}",
    )
