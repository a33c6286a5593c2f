"""Models made in memory: a signature, and a function in place of an estimator."""

from collections.abc import Callable
from typing import Any, cast

from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.types import ColSpec, ParamSchema, Schema
from predictor import served_model
from predictor.served_model import ServedModel

DIGEST = "d" * 64


class Function:
    """What MLflow calls: a model implementation that keeps what it was given."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.given: list[Any] = []
        self._function = function

    def predict(self, model_input: Any, params: Any = None) -> Any:
        self.given.append(model_input)
        return self._function(model_input) if params is None else self._function(model_input, params)


def served(
    function: Callable[..., Any],
    inputs: Schema | None,
    outputs: Schema | None = None,
    params: ParamSchema | None = None,
) -> ServedModel:
    """Return a model with this signature that answers what the function returns."""
    signature = ModelSignature(inputs, outputs, cast("Any", params)) if inputs or outputs or params else None
    metadata = Model(signature=signature)
    metadata.add_flavor("python_function", loader_module="made.in.memory")
    return served_model.of_model("wine", PyFuncModel(metadata, Function(function)), DIGEST)


def columns(*specs: tuple[str, Any, bool]) -> Schema:
    """Return a schema of named columns: name, type, whether it is required."""
    return Schema([ColSpec(kind, name, required=required) for name, kind, required in specs])
