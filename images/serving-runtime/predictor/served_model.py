"""A loaded MLflow model that answers requests."""

import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, load_model
from mlflow.types import DataType, Schema, TensorSpec
from mlflow.utils.proto_json_utils import dataframe_from_parsed_json
from numpy.typing import NDArray

from predictor.errors import RequestError
from predictor.matrix import Matrix, v2_datatype
from predictor.model_digest import model_digest

_LOGGER = logging.getLogger("predictor")
_COLUMN_DTYPES = {
    DataType.double: np.dtype("float64"),
    DataType.float: np.dtype("float32"),
    DataType.long: np.dtype("int64"),
    DataType.integer: np.dtype("int32"),
}
Predict = Callable[[Any], Any]
Output = tuple[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A loaded model and its metadata."""

    name: str
    digest: str
    matrix: Matrix | None
    """Converter of requests; None if the signature is not a plain numeric matrix."""
    schema: Schema | None
    predict_matrix: Predict
    predict_any: Predict
    """`pyfunc.predict`, with MLflow's own enforcement of the signature."""
    output_schema: Schema | None = None
    properties: dict[str, str] = field(default_factory=dict[str, str])

    def answer_rows(self, rows: Any) -> list[Output]:
        """Return the outputs for the `instances` of a v1 request.

        Raises:
            RequestError: the rows do not fit the model.
        """
        if self.matrix is not None:
            matrix = self.matrix.from_rows(rows)
            return outputs(_run(self.predict_matrix, matrix))
        return outputs(_run(self.predict_any, self._table(rows)))

    def answer_inputs(self, inputs: Any) -> list[Output]:
        """Return the outputs for the `inputs` of a v2 request.

        Raises:
            RequestError: the inputs do not fit the model.
        """
        if self.matrix is None:
            raise RequestError("the model's signature is not a numeric matrix: use the v1 protocol")
        matrix = self.matrix.from_inputs(inputs)
        return outputs(_run(self.predict_matrix, matrix))

    def _table(self, rows: Any) -> Any:
        if not isinstance(rows, list) or not rows:
            raise RequestError('"instances" must be a non-empty list of rows')
        try:
            if all(isinstance(row, dict) for row in rows):
                return dataframe_from_parsed_json(rows, pandas_orient="records", schema=self.schema)
            if self.schema is not None and not self.schema.is_tensor_spec() and self.schema.has_input_names():
                split = {"columns": self.schema.input_names(), "data": rows}
                return dataframe_from_parsed_json(split, pandas_orient="split", schema=self.schema)
            return np.array(rows)
        except (MlflowException, ValueError, TypeError) as error:
            raise RequestError(f"the rows do not fit the model's signature: {_first_line(error)}") from error


def load(name: str, folder: Path) -> ServedModel:
    """Load the model in a folder.

    Raises:
        mlflow.exceptions.MlflowException: the folder has no model that MLflow can load.
    """
    model = load_model(str(folder))
    metadata = model.metadata
    schema = metadata.get_input_schema()
    facts: dict[str, Any] = metadata.metadata or {}
    features = tuple(str(each) for each in facts.get("features", ()))
    matrix, as_frame = _matrix(schema, features)
    direct = None if matrix is None else _direct(model, matrix, as_frame)
    if matrix is not None and direct is None:
        _LOGGER.warning("model %s: MLflow's own enforcement stays in the path of each request", name)
    digest = model_digest(folder)
    texts = {"model_digest": digest, "mlflow_model_id": metadata.model_id, "mlflow_run_id": metadata.run_id}
    lists = {key: json.dumps(facts[key]) for key in ("classes", "features") if key in facts}
    return ServedModel(
        name=name,
        digest=digest,
        matrix=matrix,
        schema=schema,
        predict_matrix=direct or _enforced(model, matrix, as_frame),
        predict_any=model.predict,
        output_schema=metadata.get_output_schema(),
        properties={**{key: value for key, value in texts.items() if value}, **lists},
    )


def outputs(result: Any) -> list[Output]:
    """Return a pyfunc's result as named arrays: one, or one per column of a frame of mixed types."""
    if isinstance(result, pd.DataFrame):
        if len(set(result.dtypes)) != 1:
            return [(str(column), _plain(result[column].to_numpy())) for column in result.columns]
        result = result.to_numpy()
    elif isinstance(result, pd.Series):
        result = result.to_numpy()
    return [("output-0", _plain(np.asarray(result)))]


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array.astype(str) if v2_datatype(array.dtype) == "BYTES" else array)


def _matrix(schema: Schema | None, features: tuple[str, ...]) -> tuple[Matrix | None, bool]:
    """Return a signature as one numeric matrix, if it is one, and whether the model expects a frame."""
    if schema is None:
        return None, False
    inputs: list[Any] = schema.inputs
    if schema.is_tensor_spec():
        spec: TensorSpec = inputs[0]
        plain = len(inputs) == 1 and spec.name is None and len(spec.shape) == 2 and spec.shape[1] > 0
        if not plain or spec.type.kind not in "fiu":
            return None, False
        width = int(spec.shape[1])
        return Matrix(width=width, dtype=spec.type, names=features if len(features) == width else ()), False
    kinds = {each.type for each in inputs}
    # A set of one: columns of different types would need a copy per type.
    kind = kinds.pop() if len(kinds) == 1 else None
    if (
        kind not in _COLUMN_DTYPES
        or not schema.has_input_names()
        or not all(each.required for each in inputs)
    ):
        return None, False
    names = tuple(str(each) for each in schema.input_names())
    return Matrix(width=len(names), dtype=_COLUMN_DTYPES[kind], names=names), True


def _adapter(matrix: Matrix, as_frame: bool) -> Callable[[NDArray[Any]], Any]:
    if not as_frame:
        return lambda array: array
    columns = pd.Index(matrix.names)
    # MLflow rebuilds a frame column by column, so use that memory order; BLAS rounds differently by row.
    return lambda array: pd.DataFrame(np.asfortranarray(array), columns=columns, copy=False)


def _enforced(model: PyFuncModel, matrix: Matrix | None, as_frame: bool) -> Predict:
    if matrix is None:
        return model.predict
    adapt = _adapter(matrix, as_frame)
    return lambda array: model.predict(adapt(array))


def _direct(model: PyFuncModel, matrix: Matrix, as_frame: bool) -> Predict | None:
    """Return the model's own predict function, called without MLflow's enforcement of the signature.

    The matrix is already checked. The direct call is used only if its answers equal those of `pyfunc.predict`
    bit for bit on a few rows; a model with parameters or context keeps the enforced call.
    """
    if model.metadata.get_params_schema() is not None:
        return None
    name = model.metadata.flavors["python_function"].get("predict_fn", "predict")
    function = getattr(model._model_impl, name, None)  # pyright: ignore[reportPrivateUsage] - stable by promise
    if function is None:
        return None
    adapt = _adapter(matrix, as_frame)
    enforced = _enforced(model, matrix, as_frame)

    def direct(array: NDArray[Any]) -> Any:
        return function(adapt(array))

    for rows in (1, 2, 5):
        values = np.linspace(0.0, 7.0, rows * matrix.width).reshape(rows, matrix.width)
        probe = np.ascontiguousarray(values, dtype=matrix.dtype)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pairs = zip(outputs(enforced(probe)), outputs(direct(probe)), strict=True)
                same = all(a[0] == b[0] and a[1].tobytes() == b[1].tobytes() for a, b in pairs)
        except Exception as error:
            _LOGGER.warning("the model refuses made-up rows: %s", _first_line(error))
            return None
        if not same:
            return None
    return direct


def _run(predict: Predict, value: Any) -> Any:
    try:
        return predict(value)
    except (MlflowException, ValueError) as error:
        # The input passed the checks but does not suit the model: estimators raise ValueError.
        raise RequestError(f"the model refuses the input: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
