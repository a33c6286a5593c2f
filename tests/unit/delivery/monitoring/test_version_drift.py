"""Windows of one version, from the counts of its pods to alarms."""

from delivery.monitoring.limits import DriftLimits
from delivery.monitoring.version_drift import VersionDrift
from tests.unit.delivery.monitoring.counted import EVEN, SHIFTED, pod

LIMITS = DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03)
ONE = ["p1"]


def alarms(drift: VersionDrift) -> list[str]:
    return sorted(drift.judgement.alarms) if drift.judgement else []


def fed(counts: dict[str, list[int]], rounds: int, drift: VersionDrift | None = None) -> VersionDrift:
    """Return what was found after a first reading and 100 rows more in each round."""
    found = drift or VersionDrift(LIMITS)
    for each in range(rounds + 1):
        found.take({"p1": pod(counts, each, start=str(counts))}, ONE)
    return found


def test_rows_that_have_drifted_raise_an_alarm_after_two_windows() -> None:
    drift = fed(SHIFTED, rounds=10)
    assert drift.judgement is not None
    distance = drift.judgement.distances["feature/a"]
    assert distance.index > distance.threshold == 0.2
    assert alarms(drift) == []
    assert alarms(fed(SHIFTED, rounds=20)) == ["feature/a"]


def test_rows_like_those_of_training_never_raise_one() -> None:
    drift = VersionDrift(LIMITS)
    drift.take({"p1": pod(EVEN, 0)}, ONE)
    for each in range(1, 201):
        drift.take({"p1": pod(EVEN, each)}, ONE)
        assert alarms(drift) == []
    assert drift.judgement is not None
    assert drift.judgement.distances["feature/a"].index < 0.01
    assert drift.rows == 0


def test_an_alarm_ends_with_the_first_window_that_has_not_drifted() -> None:
    # The process began again, and its first reading is of 0 rows.
    assert alarms(fed(EVEN, 10, fed(SHIFTED, 20))) == []


def test_the_first_reading_of_a_pod_counts_nothing() -> None:
    drift = VersionDrift(LIMITS)
    drift.take({"p1": pod(SHIFTED, 1000)}, ONE)
    assert (drift.rows, drift.judgement) == (0, None)
    drift.take({"p1": pod(SHIFTED, 1001), "p2": pod(SHIFTED, 500)}, ["p1", "p2"])
    assert drift.rows == 100


def test_rows_of_all_pods_fill_one_window_and_restarts_lose_none() -> None:
    drift = VersionDrift(LIMITS)
    pods = ["p1", "p2"]
    drift.take({"p1": pod(EVEN, 2), "p2": pod(EVEN, 7)}, pods)
    drift.take({"p1": pod(EVEN, 3), "p2": pod(EVEN, 1, start="again")}, pods)
    assert drift.rows == 200
    # One that does not answer is compared with its last answer later.
    drift.take({"p1": pod(EVEN, 4)}, pods)
    drift.take({"p1": pod(EVEN, 4), "p2": pod(EVEN, 3, start="again")}, pods)
    assert drift.rows == 500
    # One that was gone is another.
    drift.take({"p1": pod(EVEN, 4)}, ONE)
    drift.take({"p1": pod(EVEN, 4), "p2": pod(EVEN, 9, start="again")}, pods)
    assert drift.rows == 500


def test_a_large_reading_alone_is_not_judged() -> None:
    drift = VersionDrift(LIMITS)
    drift.take({"p1": pod(SHIFTED, 0)}, ONE)
    for each in range(1, 5):
        drift.take({"p1": pod(SHIFTED, 100 * each)}, ONE)
    assert (drift.rows, drift.judgement) == (40_000, None)
    drift.take({"p1": pod(SHIFTED, 500)}, ONE)
    assert drift.judgement is not None
    assert drift.judgement.rows == 50_000


def test_a_version_without_statistics_is_known_as_such_and_fills_no_window() -> None:
    drift = VersionDrift(LIMITS)
    empty = pod({}, references={})
    drift.take({"p1": empty}, ONE)
    drift.take({}, ONE)
    assert (drift.is_without_reference, drift.rows, drift.judgement) == (True, 0, None)
    drift.take({"p1": pod(EVEN)}, ONE)
    assert drift.is_without_reference is False


def test_other_statistics_begin_anew_and_pods_of_both_are_not_mixed() -> None:
    drift = fed(SHIFTED, rounds=25)
    assert (alarms(drift), drift.rows) == (["feature/a"], 500)
    only = {"answer/class": [50, 50, 0, 0]}
    start = str(SHIFTED)
    pods = ["p1", "p2"]
    drift.take({"p1": pod(SHIFTED, 26, start), "p2": pod(EVEN, 1, references=only)}, pods)
    assert drift.rows == 600
    drift.take({"p2": pod(EVEN, 2, references=only)}, ["p2"])
    assert (drift.rows, drift.judgement) == (0, None)
    drift.take({"p2": pod(EVEN, 3, references=only)}, ["p2"])
    assert drift.rows == 100
