"""Serves the MLflow model in a folder: `python -m predictor --model_name NAME --model_dir FOLDER`."""

# The image has its own environment, because kserve and kfp require different protobuf releases.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false
# pyright: reportUnknownParameterType=false

import argparse
import gc
import logging
import os
import warnings
from pathlib import Path
from typing import Any

import kserve
import orjson
from kserve import model_server
from kserve.errors import InvalidInput
from kserve.metrics import PREDICT_HIST_TIME, get_labels
from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse

from predictor import answers, codec, monitoring, record_arguments, reference, served_model, termination
from predictor.answers import Output
from predictor.application import InferenceApplication
from predictor.datatypes import v2_datatype
from predictor.errors import RequestError
from predictor.measurements import Measurements, RecorderMetrics
from predictor.recorder import Recorder
from predictor.served_model import ServedModel
from predictor.tensors import Tensor


class MlflowModel(kserve.Model):
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


class PredictorServer(kserve.ModelServer):
    """KServe's server with our application in front of its REST routes."""

    def __init__(
        self, served: ServedModel, recorder: Recorder | None, record_port: int, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._served = served
        self._recorder = recorder
        self._record_port = record_port

    async def _serve(self) -> None:
        histogram = PREDICT_HIST_TIME.labels(**get_labels(self._served.name))
        measurements = Measurements(self._served.name, histogram.observe)
        rest = self._rest_server
        # Outside of KServe's middleware, which logs a timing line per request.
        rest.config.app = InferenceApplication(
            self._served, model_server.app, measurements, recorder=self._recorder
        )
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


def main() -> None:
    """Load the model, then serve it until a signal ends the process."""
    parser = argparse.ArgumentParser(parents=[model_server.parser], prog="python -m predictor")
    parser.add_argument("--model_dir", type=Path, required=True, help="folder with the file MLmodel")
    record_arguments.add_to(parser)
    options = parser.parse_args()
    try:
        served = served_model.load(options.model_name, options.model_dir)
    except Exception as error:
        termination.end(f"cannot load the model {options.model_name}", error)
    recorder = None
    if (settings := record_arguments.settings(options)) is not None:
        recorder = Recorder(served, settings, reference.read(options.model_dir), os.urandom(8).hex())
        RecorderMetrics(recorder)
    server = PredictorServer(
        served,
        recorder,
        options.record_port,
        http_port=options.http_port,
        enable_grpc=options.enable_grpc,
        enable_latency_logging=False,
        workers=1,
    )
    # The server's constructor configures logging, so only now.
    _silence_request_logs()
    logging.getLogger("kserve").info("serving %s, digest %s", served.name, served.digest)
    server.start([MlflowModel(served, recorder)])


if __name__ == "__main__":
    main()
