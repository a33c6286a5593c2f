"""Several models in one process: the path of a request names the model."""

import asyncio
import json
from typing import Any

import pytest
from predictor.application import Application, Scope, Send
from predictor.bodies import Message, Receive
from predictor.process.several_models import SeveralModels


class Reply:
    def __init__(self, messages: list[Message]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = dict(messages[0]["headers"])
        self.body = json.loads(messages[1]["body"])


def one(name: str) -> Application:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        body = json.dumps({"model": name, "path": scope["path"]}).encode()
        await send({"type": "http.response.body", "body": body})

    return answer


def ask(path: str, method: str = "POST") -> Reply:
    application = SeveralModels("small", {name: one(name) for name in ("iris", "wine")})
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def collect(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(application(scope, receive, collect))
    return Reply(sent)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/wine:predict",
        "/v1/models/wine",
        "/v2/models/wine/infer",
        "/v2/models/wine/versions/3/infer",
        "/v2/models/wine/ready",
    ],
)
def test_a_request_goes_to_the_model_of_its_path(path: str) -> None:
    assert ask(path).body == {"model": "wine", "path": path}


@pytest.mark.parametrize("path", ["/v1/models", "/v2/models"])
def test_lists_have_every_model(path: str) -> None:
    assert ask(path, "GET").body == {"models": ["iris", "wine"]}


@pytest.mark.parametrize("path", ["/v1/models/rose:predict", "/v2/models/win/infer", "/invocations"])
def test_another_path_is_refused_with_the_models_that_there_are(path: str) -> None:
    reply = ask(path)
    assert reply.status == 404
    assert reply.headers[b"x-request-id"]
    assert f"no model at {path}: this server has iris, wine" in reply.body["error"]


def test_the_service_is_ready_when_every_model_is() -> None:
    assert ask("/v2/models/small/ready", "GET").body["path"] == "/v2/health/ready"


def test_health_and_metrics_are_those_of_any() -> None:
    assert ask("/metrics", "GET").body == {"model": "iris", "path": "/metrics"}
