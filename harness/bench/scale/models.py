"""Registered models in large numbers: each is the champion of a served model, under a name of its own."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from mlflow import MlflowClient

from harness.bench.scale.growth import Point, Stage, goals, milliseconds

ALIAS = "champion"
_OF_ITS_OWN = "rollout."


def names(prefix: str, count: int) -> list[str]:
    """Return the names of `count` models, which sort by their numbers."""
    return [f"{prefix}-{number:03}" for number in range(1, count + 1)]


def register(client: MlflowClient, original: Any, name: str) -> None:
    """Register a version as the champion of another model; its files stay where they are."""
    client.create_registered_model(name)
    facts = {key: value for key, value in original.tags.items() if not key.startswith(_OF_ITS_OWN)}
    # MLflow requires the id next to the address that holds it.
    model_id = original.source.removeprefix("models:/")
    made = client.create_model_version(
        name, original.source, original.run_id, facts, model_id=model_id, await_creation_for=0
    )
    client.set_registered_model_alias(name, ALIAS, made.version)


@contextmanager
def registered(client: MlflowClient, original: Any, wanted: Sequence[str]) -> Generator[None]:
    """Register models, and delete them in the end."""
    with _removed(client, wanted):
        for name in wanted:
            register(client, original, name)
        yield


@contextmanager
def _removed(client: MlflowClient, wanted: Sequence[str]) -> Generator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    finally:
        for name in wanted:
            try:
                client.delete_registered_model(name)
            except MlflowException as error:
                # An interrupted stage has registered fewer.
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise


@contextmanager
def stage(client: MlflowClient, original: Any, count: int) -> Generator[Stage]:
    """Register `count` models and time three reads meanwhile; they are deleted in the end."""
    found = Stage(what="registered models")
    wanted = names("scale", count)
    seconds = 0.0
    done = 0
    with _removed(client, wanted):
        for goal in goals(count):
            began = time.monotonic()
            for name in wanted[done:goal]:
                register(client, original, name)
            seconds += time.monotonic() - began
            done = goal
            found.points.append(
                Point(count=goal, seconds=seconds, reads=_reads(client, wanted[goal // 2 - 1]))
            )
        yield found


def _reads(client: MlflowClient, name: str) -> dict[str, float]:
    return {
        "get a champion": milliseconds(lambda: client.get_model_version_by_alias(name, ALIAS)),
        "list up to 100 models": milliseconds(lambda: client.search_registered_models(max_results=100)),
        "search models by name": milliseconds(
            lambda: client.search_registered_models(f"name LIKE '{name[:-1]}%'", max_results=100)
        ),
    }
