"""The step that logs a published encoder as a model."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

from tests.fixtures import encoders
from tests.unit.workloads.embeddings.exported import DATA, SHA256, exported
from workloads.embeddings import sentence_model
from workloads.embeddings.sentences import sentences_of_pairs
from workloads.lineage import HeldBack, data_digest


def test_the_evidence_is_sentences_with_the_vectors_of_the_model_in_memory(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = exported(step_environment, monkeypatch)
    text = Path(result.held_back.path).read_text()
    evidence = HeldBack(**json.loads(text))
    texts, labels = sentences_of_pairs()
    assert evidence.instances == [{"text": each} for each in texts]
    assert (evidence.labels, evidence.classes, evidence.tolerance) == (labels, [], 1e-6)
    weights = encoders.random_weights()
    wanted = [encoders.vector_of(encoders.tokens_of(each), weights) for each in texts]
    assert np.abs(np.array(evidence.answers) - wanted).max() < 1e-6
    assert evidence.largest_difference(evidence.predicted) == 0.0
    logged = mlflow.artifacts.load_text(f"runs:/{result.mlflow_run_id}/held_back/held_back.json")
    assert logged == text


def test_the_run_names_its_wheel_by_digest(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = exported(step_environment, monkeypatch)
    run = mlflow.MlflowClient().get_run(result.mlflow_run_id)
    wanted = {"data.uri": DATA, "data.sha256": SHA256, "kfp.pipeline_run_id": "run-1", "kfp.pod": "pod-1"}
    assert run.data.tags.items() >= wanted.items()
    assert data_digest(run) == SHA256
    assert run.data.params.items() >= {"layers": "2", "dimensions": "12", "longest_text_tokens": "6"}.items()


def test_the_model_needs_what_the_runtime_has_and_brings_its_own_code(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = exported(step_environment, monkeypatch)
    location = mlflow.MlflowClient().get_logged_model(result.model_id).artifact_location
    stored = Path(mlflow.artifacts.download_artifacts(location))
    needed = [line.partition("==")[0] for line in (stored / "requirements.txt").read_text().splitlines()]
    assert needed == ["mlflow", "numpy", "onnxruntime", "tokenizers"]
    code = Path(sentence_model.__file__).read_text()
    assert (stored / "code/sentence_model.py").read_text() == code
    assert (stored / "data/sentences/model.onnx").read_bytes().endswith(b" 12")
    assert (stored / "data/sentences/tokenizer.json").read_text() == encoders.tokenizer_file()
