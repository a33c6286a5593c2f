"""Real models, saved and loaded by MLflow: what the predictor answers is what `pyfunc.predict` answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.pyfunc import load_model
from mlflow.types import ColSpec, Schema, TensorSpec
from mlflow.types.schema import Array
from predictor import answers, served_model, tensors
from predictor.errors import RequestError
from predictor.model_digest import model_digest
from predictor.served_model import ServedModel
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.images.serving_runtime import models

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CANCER: Any = load_breast_cancer(as_frame=True)
FRAME: pd.DataFrame = CANCER.data
MATRIX = np.ascontiguousarray(FRAME.to_numpy())
PROBABILITIES = Schema([TensorSpec(np.dtype("float64"), (-1, 2))])


def by_rows(served: ServedModel, rows: Any) -> Any:
    return answers.tensors(served.predict(served.inputs.from_rows(rows)))[0][1]


def by_tensors(served: ServedModel, *inputs: dict[str, Any]) -> Any:
    return answers.tensors(served.predict(served.inputs.from_tensors(tensors.from_json(list(inputs)))))[0][1]


def _save(folder: Path, data: Any, signature: ModelSignature, **options: Any) -> Path:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(data, CANCER.target)
    options = {"pyfunc_predict_fn": "predict_proba", "pip_requirements": ["scikit-learn"]} | options
    mlflow.sklearn.save_model(model, str(folder), signature=signature, **options)
    return folder


@pytest.fixture(scope="module")
def tensor_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    signature = ModelSignature(Schema([TensorSpec(np.dtype("float64"), (-1, 30))]), PROBABILITIES)
    metadata = {"classes": [0, 1], "features": list(FRAME.columns)}
    return _save(tmp_path_factory.mktemp("tensor") / "model", MATRIX, signature, metadata=metadata)


@pytest.fixture(scope="module")
def frame_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    signature = ModelSignature(Schema([ColSpec("double", each) for each in FRAME.columns]), PROBABILITIES)
    return _save(tmp_path_factory.mktemp("frame") / "model", FRAME, signature)


@pytest.mark.parametrize("count", [1, 2, 7, 171])
def test_a_model_with_a_tensor_signature_answers_as_pyfunc_does_bit_for_bit(
    tensor_model: Path, count: int
) -> None:
    expected = load_model(str(tensor_model)).predict(MATRIX[:count])
    served = served_model.load("cancer", tensor_model)
    rows = json.loads(json.dumps(MATRIX[:count].tolist()))
    assert by_rows(served, rows).tobytes() == expected.tobytes()
    named = [dict(zip(FRAME.columns, row, strict=True)) for row in rows]
    assert by_rows(served, named).tobytes() == expected.tobytes()
    tensor = {"name": "x", "shape": [count, 30], "datatype": "FP64", "data": rows}
    assert by_tensors(served, tensor).tobytes() == expected.tobytes()


@pytest.mark.parametrize("count", [1, 2, 7, 171])
def test_a_model_with_a_frame_signature_answers_as_pyfunc_does_bit_for_bit(
    frame_model: Path, count: int
) -> None:
    expected = load_model(str(frame_model)).predict(FRAME.iloc[:count])
    served = served_model.load("cancer", frame_model)
    rows = MATRIX[:count].tolist()
    assert by_rows(served, rows).tobytes() == expected.tobytes()
    columns = [
        {"name": name, "shape": [count], "datatype": "FP64", "data": FRAME[name].iloc[:count].tolist()}
        for name in reversed(FRAME.columns)
    ]
    assert by_tensors(served, *columns).tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["tensor_model", "frame_model"])
def test_mlflows_enforcement_is_out_of_the_way_of_requests(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = served_model.load("cancer", request.getfixturevalue(kind))

    def refuse(*_: Any) -> Any:
        raise AssertionError("the long way was taken")

    monkeypatch.setattr("mlflow.pyfunc._validate_prediction_input", refuse)
    assert by_rows(served, MATRIX[:1].tolist()).shape == (1, 2)


def test_a_model_that_answers_otherwise_without_enforcement_keeps_it(tensor_model: Path) -> None:
    model = load_model(str(tensor_model))
    matrix, as_frame = served_model._matrix(model.metadata.get_input_schema(), ())  # pyright: ignore
    assert matrix is not None
    assert served_model._direct(model, matrix, as_frame) is not None  # pyright: ignore
    model.predict = lambda data, params=None: np.zeros((len(data), 2))  # pyright: ignore
    assert served_model._direct(model, matrix, as_frame) is None  # pyright: ignore


def test_metadata_names_the_content_the_classes_and_the_features(tensor_model: Path) -> None:
    served = served_model.load("cancer", tensor_model)
    assert served.digest == model_digest(tensor_model)
    assert json.loads(served.properties["classes"]) == [0, 1]
    assert json.loads(served.properties["features"]) == list(FRAME.columns)


def test_text_classes_and_mixed_columns_go_through_mlflows_own_enforcement(tmp_path: Path) -> None:
    wine: Any = load_wine(as_frame=True)
    frame = wine.data[["alcohol", "ash"]].assign(count=range(len(wine.data)))
    labels = np.array(wine.target_names)[wine.target]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(frame, labels)
    schema = Schema([ColSpec("double", "alcohol"), ColSpec("double", "ash"), ColSpec("long", "count")])
    folder = tmp_path / "model"
    mlflow.sklearn.save_model(
        model, str(folder), signature=ModelSignature(schema), pip_requirements=["scikit-learn"]
    )
    served = served_model.load("wine", folder)
    rows = [{"alcohol": 14.2, "ash": 2.4, "count": 3}, {"alcohol": 12.1, "ash": 2.0, "count": 90}]
    answer = by_rows(served, rows)
    assert answer.tolist() == model.predict(pd.DataFrame(rows)).tolist()
    assert by_rows(served, [[14.2, 2.4, 3], [12.1, 2.0, 90]]).tolist() == answer.tolist()
    for bad in ([{"alcohol": 14.2}], [[1.0]], [{"alcohol": "x", "ash": 1.0, "count": 1}], [], 3):
        with pytest.raises(RequestError):
            by_rows(served, bad)


def test_a_null_in_an_optional_column_of_whole_numbers_is_answered() -> None:
    schema = models.columns(("x", "double", True), ("n", "long", False), ("m", "integer", False))
    served = models.served(lambda frame: frame["n"].fillna(-1) + frame["x"], schema)
    assert by_rows(served, [{"x": 1.0, "n": 4}, {"x": 1.0, "n": None}]).tolist() == [5.0, 0.0]
    assert by_rows(served, [{"x": 1.0, "n": 4}, {"x": 1.0, "n": 5}]).tolist() == [5, 6]


def _refuse(_: Any) -> Any:
    raise ValueError("no\nsecond line")


@pytest.mark.parametrize(
    ("function", "message"),
    [(_refuse, "the model refuses the input: no$"), (lambda frame: frame["nothing"], "nothing")],
)
def test_a_model_that_refuses_its_input_says_so_in_one_line(
    function: Callable[[Any], Any], message: str
) -> None:
    schema = models.columns(("x", "double", True), ("y", "string", True))
    with pytest.raises((RequestError, KeyError), match=message):
        by_rows(models.served(function, schema), [{"x": 1.0, "y": "a"}])


def test_mlflows_own_refusal_is_its_reason_and_not_the_data() -> None:
    schema = Schema([ColSpec(Array("long"), "x")])
    with pytest.raises(RequestError, match=r"the model refuses the input: (?!Failed to enforce)"):
        by_rows(models.served(len, schema), [{"x": "text"}])


def test_a_tensor_of_a_fixed_height_is_no_matrix() -> None:
    served = models.served(len, Schema([TensorSpec(np.dtype("float64"), (1, 3))]))
    assert served.matrix is None
    with pytest.raises(RequestError, match=r"the model takes \[1, 3\]"):
        by_rows(served, [[1, 2, 3], [4, 5, 6]])
