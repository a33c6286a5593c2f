"""Requests to a served model, and its answers."""

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient, v2_rows
from workloads.serving.request_parts import column_inputs, matrix_input


class Model(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        known = (
            self.headers["Host"] == "wine-models.plinth.localhost" and self.path == "/v1/models/wine:predict"
        )
        body = b'{"predictions": [[0.25, 0.75]]}' if known else b'{"error": "no such model"}'
        if self.path == "/v2/models/wine/infer":
            known, body = True, b'{"outputs": [{"name": "output-0", "shape": [1, 2], "data": [0.25, 0.75]}]}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def endpoints() -> Generator[Endpoints]:
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Endpoints(**{**OUTPUTS, "gateway_url": f"http://127.0.0.1:{server.server_port}"})
    server.shutdown()
    server.server_close()
    thread.join()


def test_rows_travel_as_one_tensor() -> None:
    tensor = matrix_input([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])["inputs"][0]
    assert tensor["shape"] == [3, 2]
    assert tensor["data"] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert tensor["datatype"] == "FP64"


def test_a_tensor_becomes_rows() -> None:
    answer = {"outputs": [{"name": "output-0", "shape": [2, 2], "data": [0.1, 0.9, 0.8, 0.2]}]}
    assert v2_rows(answer) == [[0.1, 0.9], [0.8, 0.2]]
    assert v2_rows({"outputs": [{"name": "output-0", "shape": [2], "data": [1.5, 2.5]}]}) == [1.5, 2.5]


def test_a_body_of_the_open_inference_protocol_is_answered_by_rows(endpoints: Endpoints) -> None:
    body = column_inputs([["food"]], ["text"], ["text"])
    assert InferenceClient(endpoints, "wine").infer(body) == [[0.25, 0.75]]


def test_the_gateway_is_told_the_host_of_the_model(endpoints: Endpoints) -> None:
    assert InferenceClient(endpoints, "wine").predict_v1([[1.0]]) == [[0.25, 0.75]]


def test_many_rows_are_sent_in_parts(endpoints: Endpoints) -> None:
    rows = [[1.5] * 100_000] * 6
    assert len(InferenceClient(endpoints, "wine").predict_v1(rows)) == 2


def test_a_refusal_is_one_line(endpoints: Endpoints) -> None:
    with pytest.raises(WorkloadsError, match=r'^model beer: HTTP 404: \{"error": "no such model"\}$'):
        InferenceClient(endpoints, "beer").predict_v1([[1.0]])


def test_no_answer_is_one_line() -> None:
    nowhere = Endpoints(**{**OUTPUTS, "gateway_url": "http://127.0.0.1:9"})
    with pytest.raises(WorkloadsError, match="model wine: no answer"):
        InferenceClient(nowhere, "wine").properties()
