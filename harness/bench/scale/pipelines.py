"""Pipeline runs that are submitted at once: how long they take, and what the platform needs meanwhile."""

import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kfp

from harness.bench.scale import light_pipeline
from harness.bench.scale.growth import Point, Stage, goals, milliseconds
from harness.conformance.sample_runs import kfp_client
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import SUCCEEDED, TERMINAL
from workloads.wait import wait

_CLIENTS = 8
_PAGE = 100
_SECONDS = 25 * 60
_EVERY_SECONDS = 10


def ended(states: dict[str, str], wanted: set[str]) -> dict[str, str]:
    """Return id -> state of those of the wanted runs that have ended."""
    return {run: state for run, state in states.items() if run in wanted and state in TERMINAL}


@contextmanager
def stage(endpoints: Endpoints, *, count: int, look: Callable[[], object]) -> Generator[Stage]:
    """Submit `count` runs at once and wait for all; they are deleted in the end.

    Args:
        endpoints: The platform.
        count: Of the runs, at most 100.
        look: Called every ten seconds while runs are under way.

    Raises:
        WorkloadsError: a run fails, or they have not ended in time.
    """
    client = kfp_client(endpoints)
    runs: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_CLIENTS) as pool:
        package = light_pipeline.compile_to(Path(folder), endpoints.workload_image)
        try:
            began = time.monotonic()
            for made in pool.map(lambda number: _submit(client, package, number), range(count)):
                runs.append(made)
            found = Stage(what="pipeline runs at once")
            for goal in goals(count):
                _wait_for(client, runs, goal, look)
                seconds = time.monotonic() - began
                found.points.append(Point(count=goal, seconds=seconds, reads=_reads(client, runs[0])))
            yield found
        finally:
            for _ in pool.map(client.delete_run, runs):
                pass


def _submit(client: kfp.Client, package: Path, number: int) -> str:
    api: Any = client
    made = api.create_run_from_pipeline_package(
        str(package),
        arguments={"number": number},
        run_name=f"{light_pipeline.NAME} {number}",
        enable_caching=False,
    )
    return made.run_id


def _states(client: kfp.Client) -> dict[str, str]:
    api: Any = client
    page = api.list_runs(page_size=_PAGE, sort_by="created_at desc")
    return {each.run_id: str(each.state) for each in page.runs or []}


def _wait_for(client: kfp.Client, runs: list[str], goal: int, look: Callable[[], object]) -> None:
    wanted = set(runs)

    def read() -> dict[str, str]:
        look()
        return ended(_states(client), wanted)

    def failed(states: dict[str, str]) -> str | None:
        wrong = [f"{run} {state}" for run, state in states.items() if state != SUCCEEDED]
        return f"run {wrong[0]}" if wrong else None

    try:
        wait(
            f"{goal} of {len(runs)} runs",
            read,
            ready=lambda states: len(states) >= goal,
            error=failed,
            describe=lambda states: f"{len(states)} have ended",
            timeout_seconds=_SECONDS,
            interval_seconds=_EVERY_SECONDS,
        )
    except WorkloadsError as error:
        raise WorkloadsError(f"pipeline runs: {error}") from None


def _reads(client: kfp.Client, run_id: str) -> dict[str, float]:
    api: Any = client
    return {
        "get a run": milliseconds(lambda: api.get_run(run_id)),
        "list up to 100 runs": milliseconds(lambda: _states(client)),
    }
