"""Sessions of an unmodified MLflow client: its settings are an address and, at a login, a token."""

import math
import os
import uuid
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.e2e import stranger
from workloads.endpoints import Endpoints

# Warnings of strangers' libraries are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")
# Large enough that clients upload and download it in parts.
_LARGE_BYTES = 120 * 2**20
_NAMES = ("Zażółć gęślą", "Привет, мир", "模型 注册", "model 🚀")
_FLOW: Any = mlflow


@pytest.fixture(autouse=True)
def _only_an_address(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the client no setting but the address of the tracking server and a token for its login."""
    for key in os.environ:
        if key.startswith(("MLFLOW_", "AWS_")) or key.lower().endswith("_proxy"):
            monkeypatch.delenv(key)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", endpoints.localhost_url)
    for name, value in stranger.tracking_token(endpoints).items():
        monkeypatch.setenv(name, value)


def test_parameters_metrics_tags_and_datasets_come_back_as_they_were_logged_a_search_finds_the_run() -> None:
    name = f"conformance-tracking-{uuid.uuid4().hex[:8]}"
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name=_NAMES[3]) as run:
        mlflow.log_params({"depth": 3, "text": _NAMES[0]})
        for step in range(20):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("undefined", math.nan)
        mlflow.set_tag("owner", _NAMES[2])
    found = _FLOW.search_runs(
        experiment_names=[name],
        filter_string="metrics.loss < 0.06 and params.depth = '3'",
        output_format="list",
    )
    (one,) = found
    assert one.info.run_id == run.info.run_id
    assert one.info.run_name == _NAMES[3]
    assert one.data.params == {"depth": "3", "text": _NAMES[0]}
    assert one.data.tags["owner"] == _NAMES[2]
    assert math.isnan(one.data.metrics["undefined"])
    history = MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [point.value for point in history] == [1 / (step + 1) for step in range(20)]


def test_files_come_back_byte_for_byte_small_large_in_folders_with_names_of_any_script(
    tmp_path: Path,
) -> None:
    mlflow.set_experiment("conformance-artifacts")
    with mlflow.start_run() as run:
        root = tmp_path / "sent"
        contents = {f"texts/{name}.txt": name.encode() for name in _NAMES} | {
            "large.bin": os.urandom(_LARGE_BYTES)
        }
        for path, content in contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        mlflow.log_artifacts(str(root))
        got = Path(_FLOW.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / "got")))
        for path, content in contents.items():
            assert (got / path).read_bytes() == content, path
        listed = {each.path for each in MlflowClient().list_artifacts(run.info.run_id, "texts")}
        assert listed == {path for path in contents if path.startswith("texts/")}


def test_a_registered_model_loads_by_alias_and_predicts_what_the_model_in_memory_does() -> None:
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    model = LinearRegression().fit(rows, [0.0, 1.5, 3.0, 4.5])
    client = MlflowClient()
    mlflow.set_experiment("conformance-registry")
    try:
        with mlflow.start_run():
            _FLOW.sklearn.log_model(
                model,
                name="model",
                registered_model_name=name,
                signature=infer_signature(rows, model.predict(rows)),
            )
        client.set_registered_model_alias(name, "champion", "1")
        loaded = _FLOW.pyfunc.load_model(f"models:/{name}@champion")
        assert np.array_equal(loaded.predict(rows), model.predict(rows))
        assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]
    finally:
        client.delete_registered_model(name)


def test_the_model_that_make_up_serves_loads_on_this_machine_and_classifies() -> None:
    loaded = _FLOW.pyfunc.load_model("models:/wine@champion")
    (tensor,) = loaded.metadata.signature.inputs.inputs
    assert len(loaded.predict(np.ones((3, tensor.shape[-1])))) == 3


def test_names_and_tags_of_any_script_are_found_whatever_the_case_of_their_letters() -> None:
    client = MlflowClient()
    suffix = uuid.uuid4().hex[:8]
    for name in _NAMES:
        experiment = f"{name} {suffix}"
        client.create_experiment(experiment)
        (found,) = client.search_experiments(filter_string=f"name = '{experiment}'")
        assert found.name == experiment
        insensitive = client.search_experiments(filter_string=f"name ILIKE '{name.upper()} {suffix}'")
        assert [each.name for each in insensitive] == [experiment], name


def test_a_traced_function_leaves_its_spans_inputs_and_outputs() -> None:
    mlflow.set_experiment("conformance-traces")
    text = f"{_NAMES[1]} {uuid.uuid4().hex}"

    @_FLOW.trace
    def inner(text: str) -> str:
        return text[::-1]

    @_FLOW.trace
    def outer(text: str) -> str:
        return inner(text)

    assert outer(text) == text[::-1]
    _FLOW.flush_trace_async_logging()
    trace = _FLOW.get_trace(_FLOW.get_last_active_trace_id())
    assert {span.name for span in trace.data.spans} == {"inner", "outer"}
    assert {span.outputs for span in trace.data.spans} == {text[::-1]}


def test_versions_of_a_prompt_come_back_by_number_and_by_alias() -> None:
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    _FLOW.genai.register_prompt(name=name, template="Say {{word}}")
    _FLOW.genai.register_prompt(name=name, template=f"{_NAMES[2]}: {{{{word}}}}")
    _FLOW.genai.set_prompt_alias(name, alias="live", version=1)
    assert _FLOW.genai.load_prompt(f"prompts:/{name}@live").format(word="yes") == "Say yes"
    assert _FLOW.genai.load_prompt(f"prompts:/{name}/2").format(word="yes") == f"{_NAMES[2]}: yes"


def test_the_evaluation_of_a_classifier_logs_its_metrics_and_its_plots() -> None:
    mlflow.set_experiment("conformance-evaluate")
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]})
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    model = LogisticRegression().fit(rows, labels)
    data = rows.assign(label=[0, 0, 0, 1, 1, 1, 1, 0])
    with mlflow.start_run() as run:
        info = _FLOW.sklearn.log_model(
            model, name="model", signature=infer_signature(rows, model.predict(rows))
        )
        result = _FLOW.models.evaluate(info.model_uri, data, targets="label", model_type="classifier")
    assert result.metrics["accuracy_score"] == 0.75
    assert MlflowClient().get_run(run.info.run_id).data.metrics["accuracy_score"] == 0.75
    assert any(each.path.endswith(".png") for each in MlflowClient().list_artifacts(run.info.run_id))
