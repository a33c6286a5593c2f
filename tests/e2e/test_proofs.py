"""Before any caller: a version that is not what was trained, or that answers otherwise, meets nobody."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.faults.candidates import faulty_candidate
from tests.e2e.callers import calling
from tests.e2e.rolling import MODEL, ended, roll_out, serving
from workloads import object_store
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.serving import payload_objects
from workloads.serving.deployment import registered_version
from workloads.serving.model_rollout import Phase, rollout_phase, rollout_reason
from workloads.wait import wait_for

# Calls a model for half a minute, and registers versions of it.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_RATE = 40
_RECORDED_SECONDS = 60


@pytest.fixture(scope="module")
def table() -> list[list[float]]:
    """Rows that callers send: those that the model was trained on, and held back."""
    from sklearn.datasets import load_wine

    found: Any = load_wine()
    return found.data.tolist()


def _conditions(rollout: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in rollout["status"]["conditions"]}


def test_swapped_classes_are_refused_before_any_caller(
    endpoints: Endpoints, table: list[list[float]], record_property: Callable[[str, object], None]
) -> None:
    former = serving(endpoints)
    stable = registered_version(endpoints, MODEL, former).model_digest
    folder = payload_objects.folder(endpoints.models_namespace, MODEL, former)
    store = object_store.payloads_store(endpoints)

    def stored() -> set[str]:
        found = store.list_objects_v2(Bucket=PAYLOADS_BUCKET, Prefix=folder)
        return {each["Key"] for each in found.get("Contents", [])}

    before = stored()

    def recorded() -> str | None:
        return None if len(stored() - before) >= 2 else f"nothing new in {folder}"

    with (
        faulty_candidate(endpoints, MODEL, wrong_every=1) as candidate,
        calling(endpoints, MODEL, *table, rate=_RATE) as answers,
    ):
        wait_for("recorded rows", recorded, timeout_seconds=_RECORDED_SECONDS, interval_seconds=2)
        rollout = ended(endpoints, roll_out(endpoints, candidate.version, candidate.digest), seconds=90)
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert "recorded rows are answered otherwise" in rollout_reason(rollout), rollout_reason(rollout)
    # It carries no golden rows itself, and that alone refuses nobody.
    assert _conditions(rollout) == {
        "GoldenRows": ("Unknown", "NoReference"),
        "Agreement": ("False", "Disagrees"),
    }
    assert rollout["status"]["counts"] == []
    assert set(answers.by_digest) == {stable}
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    assert serving(endpoints) == former
    record_property("swapped classes", rollout_reason(rollout))


def test_one_wrong_golden_answer_is_refused_before_any_caller(
    endpoints: Endpoints, table: list[list[float]]
) -> None:
    former = serving(endpoints)
    stable = registered_version(endpoints, MODEL, former).model_digest
    with (
        faulty_candidate(endpoints, MODEL, wrong_golden_row=True) as candidate,
        calling(endpoints, MODEL, *table, rate=_RATE) as answers,
    ):
        rollout = ended(endpoints, roll_out(endpoints, candidate.version, candidate.digest), seconds=60)
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    reason = rollout_reason(rollout)
    assert "1 of 32 golden rows are answered otherwise than at training time, by 1e-06" in reason
    assert _conditions(rollout) == {"GoldenRows": ("False", "Different")}
    assert rollout["status"]["counts"] == []
    assert set(answers.by_digest) == {stable}
    assert serving(endpoints) == former
