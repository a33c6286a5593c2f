"""What training leaves behind."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import artifacts, models
from mlflow.types import TensorSpec

from tests.unit.workloads.steps.trained import mixed, trained
from workloads.steps.choices import FAMILIES
from workloads.steps.frames import frame_of


@pytest.mark.parametrize(("data", "shape"), [("wine", (54, 13)), ("breast_cancer", (171, 30))])
def test_the_logged_model_repeats_every_bit_of_the_held_back_predictions(
    step_environment: Path, data: str, shape: tuple[int, int]
) -> None:
    result = trained(step_environment, data)
    evidence = json.loads(Path(result.held_back.path).read_text())
    rows = np.array(evidence["rows"])
    assert rows.shape == shape
    model: Any = mlflow.pyfunc.load_model(f"models:/{result.model_id}")
    assert np.array_equal(model.predict(rows), np.array(evidence["probabilities"]))
    assert model.metadata.metadata == {"classes": evidence["classes"], "features": evidence["features"]}
    classes = [evidence["classes"][at] for at in np.argmax(evidence["probabilities"], axis=1)]
    assert classes == evidence["predicted"]


def test_the_run_names_its_pipeline_run_and_its_data(step_environment: Path) -> None:
    result = trained(step_environment)
    client = mlflow.MlflowClient()
    run: Any = client.get_run(result.mlflow_run_id)
    assert run.data.tags["kfp.pipeline_run_id"] == "run-1"
    assert run.data.tags["kfp.pod"] == "pod-1"
    assert run.data.tags["data.sha256"] == result.sha256
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.digest == result.sha256[:36]
    assert {tag.key: tag.value for tag in logged.tags}["data.sha256"] == result.sha256
    kept = artifacts.load_dict(f"runs:/{result.mlflow_run_id}/held_back/held_back.json")
    assert kept == json.loads(Path(result.held_back.path).read_text())
    # Files of this machine are no remote of DVC.
    assert [each.path for each in client.list_artifacts(result.mlflow_run_id)] == ["held_back"]


def test_the_signature_is_one_tensor_and_no_environment_was_probed(step_environment: Path) -> None:
    result = trained(step_environment)
    info: Any = models.get_model_info(f"models:/{result.model_id}")
    (tensor,) = info.signature.inputs.inputs
    assert isinstance(tensor, TensorSpec)
    assert tensor.shape == (-1, 13)
    assert info.flavors["sklearn"]["serialization_format"] == "skops"
    assert info.flavors["python_function"]["predict_fn"] == "predict_proba"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("target", ["class", "quantity"])
def test_a_model_of_raw_columns_repeats_every_bit_too(
    step_environment: Path, target: str, family: str
) -> None:
    result = trained(step_environment, "mixed", mixed(target), family)
    evidence = json.loads(Path(result.held_back.path).read_text())
    assert evidence["kinds"] == ["number", "text", "boolean", "boolean"]
    assert None in [row[0] for row in evidence["rows"]]
    model: Any = mlflow.pyfunc.load_model(f"models:/{result.model_id}")
    answers = model.predict(frame_of(evidence["rows"], evidence["features"], evidence["kinds"]))
    if target == "class":
        assert evidence["classes"] == ["large", "small"]
        assert np.array_equal(answers, np.array(evidence["probabilities"]))
    else:
        assert (evidence["classes"], evidence["probabilities"]) == ([], [])
        assert answers.tolist() == evidence["predicted"]
        assert evidence["labels"][0] != evidence["predicted"][0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("target", ["class", "quantity"])
def test_equal_inputs_give_equal_bits(step_environment: Path, target: str, family: str) -> None:
    answers = [
        Path(trained(step_environment, "mixed", mixed(target), family).held_back.path).read_bytes()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("family", "packages"),
    [
        ("linear", set[str]()),
        ("random_forest", set[str]()),
        ("xgboost", {"xgboost-cpu"}),
        ("lightgbm", {"lightgbm"}),
    ],
)
def test_a_model_of_a_matrix_names_the_packages_of_its_family_and_answers_in_double_precision(
    step_environment: Path, family: str, packages: set[str]
) -> None:
    result = trained(step_environment, family=family)
    model: Any = mlflow.pyfunc.load_model(f"models:/{result.model_id}")
    evidence = json.loads(Path(result.held_back.path).read_text())
    answers = model.predict(np.array(evidence["rows"]))
    assert answers.tolist() == evidence["probabilities"]
    assert answers.dtype == model.metadata.signature.outputs.inputs[0].type == np.dtype("float64")
    assert set(evidence["classes"]) == {"class_0", "class_1", "class_2"}
    location = mlflow.MlflowClient().get_logged_model(result.model_id).artifact_location
    file = artifacts.download_artifacts(f"{location}/requirements.txt")
    needed = {line.partition("==")[0] for line in Path(file).read_text().split()}
    assert needed == {"mlflow", "scikit-learn", "numpy", "skops", *packages}
    run = mlflow.MlflowClient().get_run(result.mlflow_run_id)
    assert run.data.params["family"] == family


@pytest.mark.parametrize(
    ("data", "content"), [("wine", ""), ("mixed", mixed()), ("mixed", mixed("quantity"))]
)
def test_reference_statistics_are_a_file_of_the_model_and_repeat_its_answers(
    step_environment: Path, data: str, content: str
) -> None:
    result = trained(step_environment, data, content)
    evidence = json.loads(Path(result.held_back.path).read_text())
    location = mlflow.MlflowClient().get_logged_model(result.model_id).artifact_location
    reference = json.loads(
        Path(artifacts.download_artifacts(f"{location}/extra_files/reference.json")).read_text()
    )
    rows = len((content or "x").splitlines()) - 1 if content else 178
    assert reference["data_sha256"] == result.sha256
    assert reference["rows"] + reference["held_back"]["rows"] == rows
    assert [each["name"] for each in reference["features"]] == evidence["features"]
    assert {sum(each["counts"]) for each in reference["features"]} == {reference["rows"]}
    golden = reference["golden"]
    assert golden["rows"] == evidence["rows"][:32]
    model: Any = mlflow.pyfunc.load_model(f"models:/{result.model_id}")
    given: Any = golden["rows"]
    given = frame_of(given, golden["features"], golden["kinds"]) if golden["kinds"] else np.array(given)
    assert model.predict(given).tolist() == (golden["probabilities"] or golden["predicted"])
