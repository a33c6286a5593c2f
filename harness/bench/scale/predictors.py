"""Served models in large numbers: small models of one family, several in each predictor."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kubernetes import client

from harness.bench.scale import models
from harness.bench.scale.growth import Point, Stage, goals, milliseconds
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving import shared_predictor
from workloads.serving.inference_client import InferenceClient
from workloads.wait import wait

PREFIX = "scale"
_READY_SECONDS = 300
_GONE_SECONDS = 120
_VERSION = "1"
_POD_LABEL = "serving.kserve.io/inferenceservice"


def shares(wanted: Sequence[str], per_predictor: int) -> dict[str, list[str]]:
    """Return predictor -> its models."""
    chunks = [wanted[start : start + per_predictor] for start in range(0, len(wanted), per_predictor)]
    return {f"{PREFIX}-{number}": [*chunk] for number, chunk in enumerate(chunks, 1)}


@contextmanager
def stage(
    endpoints: Endpoints,
    tracking: Any,
    original: Any,
    row: Sequence[float],
    *,
    count: int,
    per_predictor: int,
) -> Generator[Stage]:
    """Serve `count` copies of a served model and compare their answers; they are removed in the end.

    Args:
        endpoints: The platform.
        tracking: Client of its MLflow.
        original: Version of the registry whose copies they are; it is served.
        row: What is predicted.
        count: Of the models.
        per_predictor: Models of one predictor.

    Raises:
        WorkloadsError: they cannot be served, or answer otherwise than the original.
    """
    found = Stage(what="served models")
    wanted = models.names(f"{PREFIX}-served", count)
    expected = InferenceClient(endpoints, original.name).predict_v1([row])
    seconds = 0.0
    made: set[str] = set()
    with models.registered(tracking, original, wanted):
        try:
            for goal in goals(count):
                began = time.monotonic()
                now = shares(wanted[:goal], per_predictor)
                for name, members in now.items():
                    made.add(name)
                    shared_predictor.deploy_together(
                        endpoints,
                        name,
                        dict.fromkeys(members, _VERSION),
                        timeout_seconds=_READY_SECONDS,
                    )
                seconds += time.monotonic() - began
                _compare(endpoints, now, row, expected)
                _wait_for_one_pod_each(endpoints, now)
                asks = InferenceClient(endpoints, wanted[goal - 1], service=list(now)[-1])
                reads = {"predict one row": milliseconds(lambda: asks.predict_v1([row]), times=50)}  # noqa: B023
                found.points.append(Point(count=goal, seconds=seconds, reads=reads))
            yield found
        finally:
            for name in sorted(made):
                shared_predictor.remove(endpoints, name)


def is_shared(component: str) -> bool:
    """Return whether a component of the memory table is a predictor of this stage."""
    return component.partition("/")[2].startswith(f"{PREFIX}-")


def _compare(
    endpoints: Endpoints, now: Mapping[str, Sequence[str]], row: Sequence[float], expected: list[Any]
) -> None:
    for name, members in now.items():
        for model in members:
            answer = InferenceClient(endpoints, model, service=name).predict_v1([row])
            if answer != expected:
                raise WorkloadsError(f"model {model}: answers {answer} in {name}, and {expected} on its own")


def _wait_for_one_pod_each(endpoints: Endpoints, now: Mapping[str, Sequence[str]]) -> None:
    """Wait until the pods of the predictors' former models are gone, so that none counts twice."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    selector = f"{_POD_LABEL} in ({','.join(now)})"
    wait(
        "pods of former models",
        lambda: len(api.list_namespaced_pod(endpoints.models_namespace, label_selector=selector).items),
        ready=lambda found: found == len(now),
        timeout_seconds=_GONE_SECONDS,
        interval_seconds=3,
    )
