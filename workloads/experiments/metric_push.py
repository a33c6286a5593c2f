"""Sends a metric of a trial to Katib's store of metrics.

Embedded in the step that searches: its trials run this.
"""

import datetime
import math

_METHOD = "/api.v1.beta1.DBManager/ReportObservationLog"
_SECONDS = 60


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message, of up to 16 kB."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size % 128 + 128, size // 128])
    return bytes([number << 3 | 2]) + length + content


def report(trial: str, metric: str, value: float) -> bytes:
    """Return the message ReportObservationLogRequest for one value, as protobuf encodes it."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    measured = _field(1, metric.encode()) + _field(2, repr(value).encode())
    log = _field(1, _field(1, now.encode()) + _field(2, measured))
    return _field(1, trial.encode()) + _field(2, log)


def push(store: str, trial: str, metric: str, value: float) -> None:
    """Send the value of a trial's metric.

    Args:
        store: Host and port.
        trial: Name of the trial.
        metric: Name of the metric.
        value: A finite number.

    Raises:
        ValueError: the value is no finite number.
        RuntimeError: the store does not take it within a minute; one line.
    """
    import grpc

    if not math.isfinite(value):
        raise ValueError(f"{metric} is not a number")
    with grpc.insecure_channel(store) as channel:
        call = channel.unary_unary(_METHOD)
        try:
            call(report(trial, metric, value), timeout=_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            raise RuntimeError(f"store of metrics {store}: {error.code().name}: {error.details()}") from None
