"""A loaded MLflow model that answers requests."""

import copy
import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import PyFuncModel, load_model
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import ParamSchema
from numpy.typing import NDArray

from predictor import answers
from predictor.arrays import Arrays
from predictor.columns import DTYPES, Columns
from predictor.errors import RequestError
from predictor.matrix import Matrix
from predictor.model_digest import model_digest
from predictor.tensors import Tensor
from predictor.untyped import Untyped

_LOGGER = logging.getLogger("predictor")
# What a matrix may consist of.
_NUMERIC = {type_: dtype for type_, dtype in DTYPES.items() if dtype.kind in "if"}
Parameters = dict[str, Any] | None
Predict = Callable[[Any], Any]
PredictAny = Callable[[Any, Parameters], Any]


class Inputs(Protocol):
    """Converter of requests to what the model takes, by the form of the request."""

    def from_rows(self, rows: Any) -> Any:
        """Convert rows, objects or lists."""
        ...

    def from_columns(self, columns: dict[str, Any]) -> Any:
        """Convert a list of values per name."""
        ...

    def from_split(self, names: list[Any] | None, rows: Any) -> Any:
        """Convert rows whose columns have names."""
        ...

    def from_tensors(self, tensors: list[Tensor]) -> Any:
        """Convert tensors of the v2 protocol."""
        ...

    def input_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the input."""
        ...


class Look(Protocol):
    """Somebody who looks at a prediction; neither call raises or waits."""

    def at_input(self, value: Any) -> None:
        """See the converted input, before the model may write into it."""
        ...

    def at_answer(self, result: Any) -> None:
        """See what the model answers."""
        ...


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A loaded model and its metadata."""

    name: str
    digest: str
    matrix: Matrix | None
    """Converter of requests; None if the signature is not a plain numeric matrix."""
    schema: Schema | None
    predict_matrix: Predict
    predict_any: PredictAny
    """`pyfunc.predict`, with MLflow's own enforcement of the signature."""
    other: Inputs = field(default_factory=Untyped)
    """Converter of requests to a model whose signature is not a matrix."""
    params_schema: ParamSchema | None = None
    output_schema: Schema | None = None
    properties: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def inputs(self) -> Inputs:
        """The converter of this model's requests."""
        return self.matrix or self.other

    def predict(self, value: Any, params: Parameters = None, look: Look | None = None) -> Any:
        """Return the model's answer to a converted input.

        Args:
            value: The input.
            params: Inference parameters.
            look: Sees input and answer.

        Raises:
            RequestError: the model refuses the input.
        """
        if look is not None:
            look.at_input(value)
        try:
            if params is None and self.matrix is not None:
                result = self.predict_matrix(value)
            else:
                result = self.predict_any(value, params)
        except (MlflowException, ValueError) as error:
            # The input passed the checks but does not suit the model: estimators raise ValueError.
            raise RequestError(f"the model refuses the input: {_reason(error)}") from error
        if look is not None:
            look.at_answer(result)
        return result


def load(name: str, folder: Path) -> ServedModel:
    """Load the model in a folder.

    Raises:
        mlflow.exceptions.MlflowException: the folder has no model that MLflow can load.
    """
    return of_model(name, load_model(str(folder)), model_digest(folder))


def of_model(name: str, model: PyFuncModel, digest: str) -> ServedModel:
    """Return a loaded model with the converters that its signature asks for."""
    metadata = model.metadata
    schema = metadata.get_input_schema()
    facts: dict[str, Any] = metadata.metadata or {}
    features = tuple(str(each) for each in facts.get("features", ()))
    checked_by_model = metadata._is_signature_from_type_hint()  # pyright: ignore[reportPrivateUsage]
    matrix, as_frame = (None, False) if checked_by_model else _matrix(schema, features)
    direct = None if matrix is None else _direct(model, matrix, as_frame)
    if matrix is not None and direct is None:
        _LOGGER.warning("model %s: MLflow's own enforcement stays in the path of each request", name)
    texts = {"model_digest": digest, "mlflow_model_id": metadata.model_id, "mlflow_run_id": metadata.run_id}
    lists = {key: json.dumps(facts[key]) for key in ("classes", "features") if key in facts}
    other = _other(schema, raw=checked_by_model)
    return ServedModel(
        name=name,
        digest=digest,
        matrix=matrix,
        schema=schema,
        predict_matrix=direct or _enforced(model, matrix, as_frame),
        predict_any=_any(model, matrix, as_frame, other),
        other=other,
        params_schema=metadata.get_params_schema(),
        output_schema=metadata.get_output_schema(),
        properties={**{key: value for key, value in texts.items() if value}, **lists},
    )


def _matrix(schema: Schema | None, features: tuple[str, ...]) -> tuple[Matrix | None, bool]:
    """Return a signature as one numeric matrix, if it is one, and whether the model expects a frame."""
    if schema is None:
        return None, False
    inputs: list[Any] = schema.inputs
    if schema.is_tensor_spec():
        spec: TensorSpec = inputs[0]
        plain = len(inputs) == 1 and spec.name is None and len(spec.shape) == 2 and spec.shape[1] > 0
        if not plain or spec.shape[0] != -1 or spec.type.kind not in "fiu":
            return None, False
        width = int(spec.shape[1])
        return Matrix(width=width, dtype=spec.type, names=features if len(features) == width else ()), False
    # Arrays and objects are unhashable; a set of one: columns of different types would need a copy per type.
    kinds = {each.type if isinstance(each.type, DataType) else None for each in inputs}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind not in _NUMERIC or not schema.has_input_names() or not all(each.required for each in inputs):
        return None, False
    names = tuple(str(each) for each in schema.input_names())
    return Matrix(width=len(names), dtype=_NUMERIC[kind], names=names), True


def _other(schema: Schema | None, *, raw: bool) -> Columns | Arrays | Untyped:
    if schema is None or raw:
        return Untyped(raw=raw)
    return Arrays.of_schema(schema) if schema.is_tensor_spec() else Columns.of_schema(schema)


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


def _any(
    model: PyFuncModel, matrix: Matrix | None, as_frame: bool, other: Columns | Arrays | Untyped
) -> PredictAny:
    if matrix is not None:
        adapt = _adapter(matrix, as_frame)
        return lambda value, params: model.predict(adapt(value), params)
    tolerant = _with_missing_numbers(model)
    if not isinstance(other, Columns) or tolerant is None:
        return model.predict

    def predict(value: Any, params: Parameters) -> Any:
        chosen = tolerant if other.has_nulls_in_whole_numbers(value) else model
        return chosen.predict(value, params)

    return predict


def _with_missing_numbers(model: PyFuncModel) -> PyFuncModel | None:
    """Return the same model with optional columns of whole numbers declared as doubles, None without such.

    MLflow itself refuses a null in them, although they are optional: pandas has no such integer.
    """
    schema = model.metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec():
        return None
    specs = cast("list[ColSpec]", schema.inputs)
    widened = [
        ColSpec(DataType.double, each.name, required=False)
        if not each.required and each.type in (DataType.integer, DataType.long)
        else each
        for each in specs
    ]
    if widened == specs:
        return None
    metadata: Model = copy.deepcopy(model.metadata)
    cast("Any", metadata.signature).inputs = Schema(cast("Any", widened))
    implementation = model._model_impl  # pyright: ignore[reportPrivateUsage] - stable by promise
    return PyFuncModel(metadata, implementation, _predict_function(model))


def _predict_function(model: PyFuncModel) -> str:
    return model.metadata.flavors["python_function"].get("predict_fn", "predict")


def _direct(model: PyFuncModel, matrix: Matrix, as_frame: bool) -> Predict | None:
    """Return the model's own predict function, called without MLflow's enforcement of the signature.

    The matrix is already checked. The direct call is used only if its answers equal those of `pyfunc.predict`
    bit for bit on a few rows; a model with parameters or context keeps the enforced call.
    """
    if model.metadata.get_params_schema() is not None:
        return None
    implementation = model._model_impl  # pyright: ignore[reportPrivateUsage] - stable by promise
    function = getattr(implementation, _predict_function(model), None)
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
                same = _same(enforced(probe), direct(probe))
        except Exception as error:
            _LOGGER.warning("the model refuses made-up rows: %s", _reason(error))
            return None
        if not same:
            return None
    return direct


def _same(first: Any, second: Any) -> bool:
    pairs = zip(answers.tensors(first), answers.tensors(second), strict=True)
    return all(
        a[0] == b[0]
        and a[1].dtype == b[1].dtype
        and answers.dumps(a[1].tolist()) == answers.dumps(b[1].tolist())
        if a[1].dtype.kind == "O"
        else a[0] == b[0] and a[1].tobytes() == b[1].tobytes()
        for a, b in pairs
    )


def _reason(error: Exception) -> str:
    """Return the first line of an error; MLflow puts the whole input before its own reason."""
    message = str(error).rpartition("Error: ")[2] if isinstance(error, MlflowException) else str(error)
    return (message.splitlines() or [type(error).__name__])[0][:300]
