"""What the server tells about itself and its model: bodies that never change, by path."""

from importlib.metadata import PackageNotFoundError, version

import mlflow
import orjson

from predictor import codec
from predictor.served_model import ServedModel


def pages(model: ServedModel) -> dict[str, bytes]:
    """Return the answers to GET, by path."""
    models = orjson.dumps({"models": [model.name]})
    return {
        "/v1/models": models,
        f"/v1/models/{model.name}": codec.metadata_v1(model),
        "/v2": orjson.dumps({"name": "plinth", "version": _server(), "extensions": ["binary_tensor_data"]}),
        "/v2/models": models,
        f"/v2/models/{model.name}": codec.metadata_v2(model),
        # Of MLflow's scoring server.
        "/ping": b"\n",
        "/health": b"\n",
        "/version": mlflow.__version__.encode(),
    }


def _server() -> str:
    """Return the version of KServe's server; outside of the image there is none."""
    try:
        return version("kserve")
    except PackageNotFoundError:
        return "0"
