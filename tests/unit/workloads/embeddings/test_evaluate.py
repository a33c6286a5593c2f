"""The gate of sentence embeddings."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl

from tests.unit.workloads.embeddings.exported import SHA256, Exported, exported
from workloads.embeddings import evaluate
from workloads.embeddings.sentences import similarity_metrics
from workloads.serving.artifacts import model_digest

EVALUATE: Any = evaluate.evaluate


def judge(result: Exported, minimum: float) -> tuple[str, str]:
    return EVALUATE.python_func(
        held_back=result.held_back,
        model_id=result.model_id,
        mlflow_run_id=result.mlflow_run_id,
        data_sha256=SHA256,
        minimum_pairs_found=minimum,
        metrics=dsl.Metrics(),
    )


def test_a_model_that_passes_has_metrics_that_equal_a_recomputation(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = exported(step_environment, monkeypatch)
    digest, run_id = judge(result, 0.0)
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    evidence = json.loads(Path(result.held_back.path).read_text())
    wanted = similarity_metrics(evidence["predicted"], evidence["labels"])
    assert run.data.metrics == pytest.approx(wanted)
    assert run.data.tags.items() >= {"mlflow.parentRunId": result.mlflow_run_id, "gate": "passed"}.items()
    location = client.get_logged_model(result.model_id).artifact_location
    assert digest == model_digest(Path(mlflow.artifacts.download_artifacts(location)))


def test_a_model_that_finds_too_few_pairs_fails_the_step_and_is_tagged(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = exported(step_environment, monkeypatch)
    with pytest.raises(
        ValueError, match=r"^gate: pairs_found [01]\.\d{4} is below 1\.0100; nothing is registered$"
    ):
        judge(result, 1.01)
    runs = mlflow.search_runs(["1"], "tags.gate = 'failed'", output_format="list")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_a_model_whose_vectors_changed_is_not_evaluated(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = exported(step_environment, monkeypatch)
    file = Path(result.held_back.path)
    evidence = json.loads(file.read_text())
    evidence["predicted"][3][1] += 1e-5
    file.write_text(json.dumps(evidence))
    with pytest.raises(RuntimeError, match=r"vectors differ by 1e-05 from those of its export$"):
        judge(result, 0.0)


def test_its_task_has_the_name_by_which_lineage_finds_evaluations() -> None:
    assert EVALUATE.name == "evaluate"
