"""The message that the store of metrics gets, and a store that does not take it."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from workloads.experiments import metric_push


def _fields(message: bytes) -> dict[int, bytes]:
    """Return the length-delimited fields of a protobuf message."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(message):
        number, size, at = message[at] >> 3, message[at + 1], at + 2
        if size >= 128:
            size, at = size - 128 + message[at] * 128, at + 1
        found[number], at = message[at : at + size], at + size
    return found


def test_a_trial_its_metric_and_its_value_to_the_last_digit_are_sent() -> None:
    received: list[bytes] = []

    def take(request: bytes, _: grpc.ServicerContext) -> bytes:
        received.append(request)
        return b""

    service, _, method = metric_push._METHOD.strip("/").partition("/")  # pyright: ignore[reportPrivateUsage]
    handler = grpc.method_handlers_generic_handler(
        service, {method: grpc.unary_unary_rpc_method_handler(take)}
    )
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    trial = "search-" + "0" * 150
    try:
        metric_push.push(f"127.0.0.1:{port}", trial, "f1", 0.1 + 0.2)
    finally:
        server.stop(None).wait(5)
    (request,) = received
    outer = _fields(request)
    assert outer[1].decode() == trial
    log = _fields(_fields(outer[2])[1])
    assert log[1].decode().endswith("Z")
    assert {key: value.decode() for key, value in _fields(log[2]).items()} == {1: "f1", 2: repr(0.1 + 0.2)}


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^f1 is not a number$"):
        metric_push.push("127.0.0.1:1", "trial", "f1", float("nan"))


def test_a_store_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_push, "_SECONDS", 0.2)
    with pytest.raises(RuntimeError, match=r"^store of metrics 127.0.0.1:1: DEADLINE_EXCEEDED"):
        metric_push.push("127.0.0.1:1", "trial", "f1", 0.5)
