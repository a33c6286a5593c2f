"""Inference parameters of a request: passed to the model, or refused."""

from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_params_schema  # pyright: ignore[reportPrivateUsage]
from mlflow.types.schema import ParamSchema

from predictor.errors import RequestError

# Parameters of the protocol, not of the model: clients of MLServer and Triton send them unasked.
_PROTOCOL = frozenset(
    {
        "binary_data_output",
        "content_type",
        "headers",
        "priority",
        "sequence_end",
        "sequence_id",
        "sequence_start",
    }
)


def of_request(
    request: dict[str, Any], keys: tuple[str, ...], schema: ParamSchema | None
) -> dict[str, Any] | None:
    """Return the parameters that a request has for the model, or None if it has none.

    Args:
        request: The decoded body.
        keys: Where the protocol has parameters.
        schema: Parameters that the model declares.

    Raises:
        RequestError: a parameter is unknown, or its value does not fit.
    """
    found: dict[str, Any] = {}
    for key in keys:
        given = request.get(key)
        if given is None:
            continue
        if not isinstance(given, dict):
            raise RequestError(f'"{key}" must be an object')
        found.update(given)
    known = {each.name for each in schema.params} if schema is not None else set[str]()
    chosen = {name: value for name, value in found.items() if name in known or name not in _PROTOCOL}
    if not chosen:
        return None
    if unknown := sorted(set(chosen) - known):
        takes = f"the model takes {', '.join(sorted(known))}" if known else "the model takes none"
        raise RequestError(f"unknown parameters {unknown}: {takes}")
    try:
        return _enforce_params_schema(chosen, schema)
    except MlflowException as error:
        raise RequestError(f"parameters: {(str(error).splitlines() or [''])[0][:300]}") from None
