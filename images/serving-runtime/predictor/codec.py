"""Request and response bodies of the v1 and v2 protocols and of MLflow's scoring server."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
import pandas as pd
from mlflow.pyfunc.utils.serving_data_parser import is_unified_llm_input
from mlflow.types import DataType

from predictor import answers, parameters, tensors
from predictor.answers import Output
from predictor.columns import Columns
from predictor.datatypes import v2_datatype
from predictor.errors import RequestError
from predictor.served_model import Look, ServedModel

_ROWS = ("instances", "inputs")
_TEXTS = (DataType.string, DataType.binary, DataType.datetime)
_INVOCATIONS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True, kw_only=True)
class BinaryReply:
    """A v2 response with raw tensors behind its JSON."""

    head: bytes
    payload: bytes


def decode(body: bytes, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return a request's JSON object, which must have exactly one of the keys.

    Raises:
        RequestError: the body is empty, is not JSON, or lacks the keys.
    """
    request = _object(body, keys)
    found = [key for key in keys if key in request]
    if len(found) > 1:
        raise RequestError(f"the body has {' and '.join(found)}: send one of them")
    if not found:
        raise RequestError(f"the body must be a JSON object with {_either(keys)}")
    return request


def answer_v1(model: ServedModel, body: bytes, look: Look | None = None) -> bytes:
    """Return the response to `POST /v1/models/NAME:predict`."""
    return answers.dumps(predictions(model, decode(body, _ROWS), look))


def predictions(model: ServedModel, request: dict[str, Any], look: Look | None = None) -> dict[str, Any]:
    """Return the answer to a decoded v1 request."""
    if "instances" in request:
        value = model.inputs.from_rows(request["instances"])
    else:
        value = _columnar(model, request["inputs"])
    params = _params(model, request, ("params", "parameters"))
    return {"predictions": answers.rows(model.predict(value, params, look))}


def answer_v2(
    model: ServedModel, body: bytes, json_length: int | None = None, look: Look | None = None
) -> bytes | BinaryReply:
    """Return the response to `POST /v2/models/NAME/infer`.

    Args:
        model: The model.
        body: The body; with the binary extension, JSON and raw tensors behind it.
        json_length: Bytes of the JSON, if raw tensors follow.
        look: Sees input and answer.
    """
    if json_length is not None and json_length > len(body):
        raise RequestError(
            f"inference-header-content-length is {json_length}: the body has {len(body)} bytes"
        )
    request = decode(body if json_length is None else body[:json_length], ("inputs",))
    identity = request.get("id")
    if identity is not None and not isinstance(identity, str):
        raise RequestError('"id" must be a string')
    payload = b"" if json_length is None else body[json_length:]
    value = model.inputs.from_tensors(tensors.from_json(request["inputs"], payload))
    params = _params(model, request, ("parameters",))
    outputs = answers.tensors(model.predict(value, params, look), _output_names(model))
    chosen = _chosen(request, outputs)
    described: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for (name, array), binary in chosen:
        tensor: dict[str, Any] = {
            "name": name,
            "datatype": v2_datatype(array.dtype),
            "shape": list(array.shape),
        }
        if binary:
            raw.append(tensors.to_bytes(array))
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = _json_array(array)
        described.append(tensor)
    identified = {"id": identity} if identity is not None else {}
    head = answers.dumps({"model_name": model.name, **identified, "outputs": described})
    return BinaryReply(head=head, payload=b"".join(raw)) if raw else head


def answer_invocations(model: ServedModel, body: bytes, look: Look | None = None) -> bytes:
    """Return the response to `POST /invocations`, as MLflow's scoring server has it."""
    request = _object(body, _INVOCATIONS)
    if is_unified_llm_input(request) and not any(key in request for key in _INVOCATIONS):
        known = {each.name for each in model.params_schema.params} if model.params_schema else set[str]()
        params = {key: value for key, value in request.items() if key in known}
        value = {key: value for key, value in request.items() if key not in known}
        return answers.dumps(answers.records(model.predict(value, params or None, look)))
    request = decode(body, _INVOCATIONS)
    params = _params(model, request, ("params",))
    value = _invoked(model, request)
    return answers.dumps({"predictions": answers.records(model.predict(value, params, look))})


def answer_csv(model: ServedModel, body: bytes, look: Look | None = None) -> bytes:
    """Return the response to `POST /invocations` with a table as CSV, the first line naming its columns."""
    specs: list[Any] = model.schema.inputs if model.schema is not None else []
    texts = {each.name: object for each in specs if each.name and getattr(each, "type", None) in _TEXTS}
    try:
        frame = pd.read_csv(io.BytesIO(body), dtype=cast("Any", texts))
    except (ValueError, pd.errors.ParserError) as error:
        raise RequestError(f"the body is not CSV: {(str(error).splitlines() or [''])[0]}") from None
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    value = model.inputs.from_split([str(name) for name in frame.columns], rows)
    return answers.dumps({"predictions": answers.records(model.predict(value, look=look))})


def metadata_v1(model: ServedModel) -> bytes:
    """Return the response to `GET /v1/models/NAME`."""
    return orjson.dumps({"name": model.name, "ready": True, "model_digest": model.digest})


def metadata_v2(model: ServedModel) -> bytes:
    """Return the response to `GET /v2/models/NAME`."""
    response = {
        "name": model.name,
        "versions": [],
        "platform": "mlflow",
        "inputs": model.inputs.input_types(),
        "outputs": output_types(model),
        "properties": model.properties,
    }
    return orjson.dumps(response)


def error_body(message: str) -> bytes:
    """Return the body of an error response."""
    return orjson.dumps({"error": message})


def output_types(model: ServedModel) -> list[dict[str, Any]]:
    """Return the v2 description of the model's output, as far as its signature has one."""
    schema = model.output_schema
    if schema is None:
        return []
    if not schema.is_tensor_spec():
        columns = Columns.of_schema(schema)
        described = columns.input_types()
        return described if columns.named or len(described) != 1 else [{**described[0], "name": "output-0"}]
    specs: list[Any] = schema.inputs
    return [
        {"name": spec.name or f"output-{i}", "datatype": v2_datatype(spec.type), "shape": list(spec.shape)}
        for i, spec in enumerate(specs)
    ]


def _object(body: bytes, keys: tuple[str, ...]) -> dict[str, Any]:
    if not body:
        raise RequestError(f"the body is empty: send JSON with {_either(keys)}")
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise RequestError(f"the body must be a JSON object with {_either(keys)}")
    return request


def _params(model: ServedModel, request: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    if not any(key in request for key in keys):
        return None
    return parameters.of_request(request, keys, model.params_schema)


def _columnar(model: ServedModel, inputs: Any) -> Any:
    return model.inputs.from_columns(inputs) if isinstance(inputs, dict) else model.inputs.from_rows(inputs)


def _invoked(model: ServedModel, request: dict[str, Any]) -> Any:
    if "dataframe_split" in request:
        return _split(model, request["dataframe_split"])
    if "dataframe_records" in request:
        records = request["dataframe_records"]
        if not isinstance(records, list):
            raise RequestError('"dataframe_records" must be a list of objects')
        return model.inputs.from_rows(records)
    return (
        model.inputs.from_rows(request["instances"])
        if "instances" in request
        else _columnar(model, request["inputs"])
    )


def _split(model: ServedModel, split: Any) -> Any:
    if not isinstance(split, dict) or "data" not in split or not split.keys() <= {"columns", "index", "data"}:
        raise RequestError('"dataframe_split" must be an object with columns and data')
    names = split.get("columns")
    if names is not None:
        if not isinstance(names, list) or not all(isinstance(each, str | int) for each in names):
            raise RequestError('"columns" must be a list of names')
        if len(set(names)) != len(names):
            raise RequestError('"columns" must have no name twice')
    return model.inputs.from_split(names, split["data"])


def _output_names(model: ServedModel) -> tuple[str, ...]:
    schema = model.output_schema
    return tuple(map(str, schema.input_names())) if schema is not None and schema.has_input_names() else ()


def _chosen(request: dict[str, Any], outputs: list[Output]) -> list[tuple[Output, bool]]:
    """Return the outputs that a request asks for, each with whether it wants raw bytes."""
    wanted: Any = request.get("outputs")
    general: Any = request.get("parameters")
    binary = isinstance(general, dict) and general.get("binary_data_output") is True
    if wanted in (None, []):
        return [(each, binary) for each in outputs]
    if not isinstance(wanted, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in wanted
    ):
        raise RequestError('"outputs" must be a list of objects with a name')
    known = {name: array for name, array in outputs}
    chosen: list[tuple[Output, bool]] = []
    for each in wanted:
        if each["name"] not in known:
            raise RequestError(f"no output {each['name']!r}: the model answers {', '.join(known)}")
        own: Any = each.get("parameters")
        raw = own.get("binary_data", binary) if isinstance(own, dict) else binary
        chosen.append(((each["name"], known[each["name"]]), raw is True))
    return chosen


def _json_array(array: Any) -> Any:
    # orjson serializes numeric arrays, with shortest round-trip digits; it needs text and booleans as lists.
    if array.dtype.kind in "fiu":
        return array.reshape(-1)
    return answers.texts(array) if array.dtype.kind == "O" else array.reshape(-1).tolist()


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(f'"{key}"' for key in keys)
