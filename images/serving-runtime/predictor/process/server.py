"""KServe's server with our application in front, for the MLflow models in a folder."""

# The image has its own environment, because kserve and kfp require different protobuf releases.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false
# pyright: reportUnknownParameterType=false

import argparse
import gc
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Not `from kserve import`, which would run the whole package.
import kserve.model
import kserve.model_server as model_server  # noqa: PLR0402
import orjson
from kserve.errors import InvalidInput
from kserve.metrics import PREDICT_HIST_TIME, get_labels
from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse

from predictor import (
    answers,
    codec,
    monitoring,
    record_arguments,
    reference,
    served_model,
    termination,
)
from predictor.answers import Output
from predictor.application import Application, InferenceApplication
from predictor.bodies import Bodies
from predictor.datatypes import v2_datatype
from predictor.errors import RequestError
from predictor.measurements import Measurements, RecorderMetrics, requests_counter
from predictor.process import model_folders
from predictor.process.several_models import SeveralModels
from predictor.recorder import Recorder
from predictor.served_model import ServedModel
from predictor.tensors import Tensor


class MlflowModel(kserve.model.Model):
    """The model as KServe's data plane sees it: readiness, metadata, gRPC, CloudEvents."""

    def __init__(self, served: ServedModel, recorder: Recorder | None) -> None:
        super().__init__(served.name)
        self._served = served
        self._recorder = recorder
        self.ready = True

    async def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Answer requests that are not plain JSON over HTTP, such as gRPC and CloudEvents."""
        if self._recorder is not None:
            self._recorder.count_unmonitored()
        try:
            if isinstance(payload, InferRequest):
                return self._infer(payload)
            if not isinstance(payload, dict) or not {"instances", "inputs"} & payload.keys():
                raise RequestError('the body must be a JSON object with "instances"')
            return orjson.loads(answers.dumps(codec.predictions(self._served, payload)))
        except RequestError as error:
            raise InvalidInput(str(error)) from error

    def _infer(self, request: Any) -> Any:
        tensors = [Tensor(name=each.name, array=each.as_numpy()) for each in request.inputs]
        named = answers.tensors(self._served.predict(self._served.inputs.from_tensors(tensors)))
        return InferResponse(
            response_id=request.id,
            model_name=self.name,
            infer_outputs=[_infer_output(each) for each in named],
        )

    def get_input_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the input."""
        return self._served.inputs.input_types()

    def get_output_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the output."""
        return codec.output_types(self._served)


class PredictorServer(model_server.ModelServer):
    """KServe's server with our application in front of its REST routes."""

    def __init__(
        self,
        name: str,
        models: Sequence[ServedModel],
        recorder: Recorder | None,
        record_port: int,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self._name = name
        self._models = models
        self._recorder = recorder
        self._record_port = record_port

    def _application(self) -> Application:
        requests, bodies = requests_counter(), Bodies()
        applications: dict[str, Application] = {}
        for each in self._models:
            histogram = PREDICT_HIST_TIME.labels(**get_labels(each.name))
            measurements = Measurements(each.name, requests, histogram.observe)
            applications[each.name] = InferenceApplication(
                each, model_server.app, measurements, bodies, self._recorder
            )
        if [*applications] == [self._name]:
            return applications[self._name]
        return SeveralModels(self._name, applications)

    async def _serve(self) -> None:
        rest = self._rest_server
        # Outside of KServe's middleware, which logs a timing line per request.
        rest.config.app = self._application()
        # What is loaded stays. A full collection that looked at it would hold up every request for 0.1 s.
        gc.collect()
        gc.freeze()
        async with monitoring.serving(self._recorder, self._record_port):
            await super()._serve()


def _infer_output(output: Output) -> Any:
    name, array = output
    tensor = InferOutput(name=name, shape=list(array.shape), datatype=v2_datatype(array.dtype))
    tensor.set_data_from_numpy(array, binary_data=False)
    return tensor


def _silence_request_logs() -> None:
    """Turn off the log line per request: the gateway writes the access log, and metrics have the figures."""
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    for name in ("uvicorn.access", "kserve.trace"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = False


def _load(name: str, folder: Path) -> list[ServedModel]:
    """Load every model of a folder; one that cannot be loaded ends the process."""
    models: list[ServedModel] = []
    for each, place in model_folders.find(name, folder).items():
        try:
            models.append(served_model.load(each, place))
        except Exception as error:
            termination.end(f"cannot load the model {each}", error)
    return models


def _recorder(models: Sequence[ServedModel], options: argparse.Namespace) -> Recorder | None:
    """Return what records requests; of several models in one process none are recorded."""
    settings = record_arguments.settings(options)
    if settings is None or [each.name for each in models] != [options.model_name]:
        return None
    recorder = Recorder(models[0], settings, reference.read(options.model_dir), os.urandom(8).hex())
    RecorderMetrics(recorder)
    return recorder


def main() -> None:
    """Load the models, then serve them until a signal ends the process."""
    parser = argparse.ArgumentParser(parents=[model_server.parser], prog="python -m predictor")
    parser.add_argument(
        "--model_dir",
        type=Path,
        required=True,
        help="folder with the file MLmodel, or with a folder of each model",
    )
    record_arguments.add_to(parser)
    options = parser.parse_args()
    models = _load(options.model_name, options.model_dir)
    recorder = _recorder(models, options)
    server = PredictorServer(
        options.model_name,
        models,
        recorder,
        options.record_port,
        http_port=options.http_port,
        enable_grpc=options.enable_grpc,
        enable_latency_logging=False,
        workers=1,
    )
    # The server's constructor configures logging, so only now.
    _silence_request_logs()
    for each in models:
        logging.getLogger("kserve").info("serving %s, digest %s", each.name, each.digest)
    server.start([MlflowModel(each, recorder) for each in models])
