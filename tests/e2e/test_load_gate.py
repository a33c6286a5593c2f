"""The gate: a slow model and a wrong one are rejected, and clients of the served one notice nothing."""

import os
from collections.abc import Callable

import pytest

from cluster.instance import Instance
from delivery import gate, promotion
from delivery.gate import Profile
from delivery.verdict import Outcome
from harness.faults.candidates import faulty_candidate
from harness.load.source import LocustSource
from harness.load.timer import PhaseTimer
from terminal.progress import Progress
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient
from workloads.tracking import connect

# Each model takes a registration, a rollout and half a minute of load.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        pytest.param({"seconds": 0.05}, "p99", id="slow"),
        pytest.param({"wrong_every": 100}, "answered wrongly", id="wrong for one request in a hundred"),
    ],
)
def test_a_faulty_model_is_rejected_and_its_predecessor_keeps_serving(
    endpoints: Endpoints,
    record_property: Callable[[str, object], None],
    faults: dict[str, float],
    reason: str,
) -> None:
    champion = promotion.find_champion(endpoints, "wine")
    before = lineage.trace(endpoints, "wine")
    instance = Instance(os.environ.get("PLINTH_INSTANCE", "default"))
    source = LocustSource(endpoints, instance, PhaseTimer(Progress("load")))
    profiles = [Profile(name="serving-gate")]
    with faulty_candidate(endpoints, "wine", **faults) as candidate:  # type: ignore[arg-type]
        measured = gate.measure(source, candidate, profiles)
        verdict = gate.judge(profiles, measured)
        assert not gate.decide(endpoints, candidate, verdict, gate.tags_of(verdict, measured))
    assert verdict.outcome is Outcome.FAILED, verdict
    assert any(reason in each for each in verdict.reasons), verdict.reasons

    version = connect(endpoints).get_model_version("wine", candidate.version)
    assert version.tags["load.verdict"] == "failed"
    assert reason in version.tags["load.reasons"]
    assert promotion.find_champion(endpoints, "wine") == champion
    after = lineage.trace(endpoints, "wine")
    assert (after.model_version, after.predictor_digest) == (before.model_version, before.predictor_digest)
    evidence = lineage.read_held_back(endpoints, after.served.mlflow_run_id)
    assert InferenceClient(endpoints, "wine").predict_v1(evidence.rows) == evidence.probabilities
    record_property("rejected because", "; ".join(verdict.reasons))
