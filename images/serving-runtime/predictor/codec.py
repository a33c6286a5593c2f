"""Request and response bodies of the v1 and v2 protocols."""

from typing import Any

import orjson

from predictor.errors import RequestError
from predictor.matrix import v2_datatype
from predictor.served_model import ServedModel

_NUMPY = orjson.OPT_SERIALIZE_NUMPY


def decode(body: bytes, key: str) -> dict[str, Any]:
    """Return a request's JSON object, which must have a key.

    Raises:
        RequestError: the body is empty, is not JSON, or lacks the key.
    """
    if not body:
        raise RequestError(f'the body is empty: send JSON with "{key}"')
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict) or key not in request:
        raise RequestError(f'the body must be a JSON object with "{key}"')
    return request


def answer_v1(model: ServedModel, body: bytes) -> bytes:
    """Return the response to `POST /v1/models/NAME:predict`."""
    request = decode(body, "instances")
    outputs = model.answer_rows(request["instances"])
    if len(outputs) == 1:
        return orjson.dumps({"predictions": _json_array(outputs[0][1])}, option=_NUMPY)
    columns = [array.tolist() for _, array in outputs]
    names = [name for name, _ in outputs]
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return orjson.dumps({"predictions": records})


def answer_v2(model: ServedModel, body: bytes) -> bytes:
    """Return the response to `POST /v2/models/NAME/infer`."""
    request = decode(body, "inputs")
    identity = request.get("id")
    if identity is not None and not isinstance(identity, str):
        raise RequestError('"id" must be a string')
    outputs = [
        {
            "name": name,
            "datatype": v2_datatype(array.dtype),
            "shape": list(array.shape),
            "data": _json_array(array.reshape(-1)),
        }
        for name, array in model.answer_inputs(request["inputs"])
    ]
    response = {
        "model_name": model.name,
        **({"id": identity} if identity is not None else {}),
        "outputs": outputs,
    }
    return orjson.dumps(response, option=_NUMPY)


def metadata_v1(model: ServedModel) -> bytes:
    """Return the response to `GET /v1/models/NAME`."""
    return orjson.dumps({"name": model.name, "ready": True, "model_digest": model.digest})


def metadata_v2(model: ServedModel) -> bytes:
    """Return the response to `GET /v2/models/NAME`."""
    response = {
        "name": model.name,
        "versions": [],
        "platform": "mlflow",
        "inputs": input_types(model),
        "outputs": output_types(model),
        "properties": model.properties,
    }
    return orjson.dumps(response)


def error_body(message: str) -> bytes:
    """Return the body of an error response."""
    return orjson.dumps({"error": message})


def input_types(model: ServedModel) -> list[dict[str, Any]]:
    """Return the v2 description of the model's input; empty if it is not a matrix."""
    if model.matrix is None:
        return []
    shape = [-1, model.matrix.width]
    return [{"name": "input-0", "datatype": v2_datatype(model.matrix.dtype), "shape": shape}]


def output_types(model: ServedModel) -> list[dict[str, Any]]:
    """Return the v2 description of the model's output, as far as its signature has one."""
    schema = model.output_schema
    specs: list[Any] = schema.inputs if schema is not None and schema.is_tensor_spec() else []
    return [
        {"name": f"output-{i}", "datatype": v2_datatype(spec.type), "shape": list(spec.shape)}
        for i, spec in enumerate(specs)
    ]


def _json_array(array: Any) -> Any:
    # orjson serializes numeric arrays, with shortest round-trip digits; it needs text and booleans as lists.
    return array if array.dtype.kind in "fiu" else array.tolist()
