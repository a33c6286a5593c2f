"""The gate: a slow model and a wrong one are refused, and callers of the served one notice nothing."""

import os
from collections.abc import Callable

import pytest

from cluster.instance import Instance
from delivery import promotion
from harness.faults.candidates import faulty_candidate
from harness.load.gated_run import Gate
from loadtests.slo import Outcome
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient
from workloads.tracking import connect

# A registration, a predictor and half a minute of load for each model.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        pytest.param({"seconds": 0.05}, "p99", id="slow"),
        pytest.param({"wrong_every": 100}, "answered wrongly", id="wrong for one request in a hundred"),
    ],
)
def test_a_model_with_a_fault_is_refused_and_its_predecessor_serves_on(
    endpoints: Endpoints,
    record_property: Callable[[str, object], None],
    faults: dict[str, float],
    reason: str,
) -> None:
    champion = promotion.champion_of(endpoints, "wine")
    before = lineage.trace(endpoints, "wine")
    gate = Gate(endpoints=endpoints, instance=Instance(os.environ.get("PLINTH_INSTANCE", "default")))
    with faulty_candidate(endpoints, "wine", **faults) as candidate:  # type: ignore[arg-type]
        verdict = gate.judge(candidate, ["serving-gate"])
        assert not gate.decide(candidate, verdict)
    assert verdict.outcome is Outcome.FAILED, verdict
    assert any(reason in each for each in verdict.reasons), verdict.reasons

    version = connect(endpoints).get_model_version("wine", candidate.version)
    assert version.tags["load.verdict"] == "failed"
    assert reason in version.tags["load.reasons"]
    assert promotion.champion_of(endpoints, "wine") == champion
    after = lineage.trace(endpoints, "wine")
    assert (after.model_version, after.predictor_digest) == (before.model_version, before.predictor_digest)
    evidence = lineage.held_back(endpoints, after.annotations["mlflow-run-id"])
    assert InferenceClient(endpoints, "wine").predict_v1(evidence.rows) == evidence.probabilities
    record_property("refused because", "; ".join(verdict.reasons))
