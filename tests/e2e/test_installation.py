"""Promises of `make up`: no retries, idempotent, one at a time, recovers, leaves nothing."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import pytest
from kubernetes import client
from kubernetes.utils.quantity import parse_quantity

from cluster import lock
from cluster.instance import Instance
from harness import cluster_objects, leftovers
from infra.engine import events
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

# The recorded seconds are those of a machine that does nothing else.
pytestmark = pytest.mark.alone

Record = Callable[[str, object], None]

REPOSITORY = Path(__file__).parents[2]
_UP_SECONDS = 15 * 60
_UNTIL_LOCKED_SECONDS = 60
# Far enough that namespaces, custom resource definitions, databases and unfinished pods exist.
_RESOURCES_BEFORE_KILL = 90
_RESOURCES_BEFORE_INTERRUPT = 150
# With Argo's container, which reports the step's end.
_WHOLE_CORE = Decimal("1.01")


def log_of(instance: Instance) -> Path:
    return instance.folder / "pulumi" / "events.jsonl"


def make(target: str, instance: Instance) -> subprocess.CompletedProcess[str]:
    """Run a make target as another user would, without the lock of the process that started this test."""
    return subprocess.run(
        ["make", target, f"INSTANCE={instance.name}"],
        cwd=REPOSITORY,
        env={key: value for key, value in os.environ.items() if key != lock.TOKEN_VARIABLE},
        capture_output=True,
        text=True,
        check=False,
        timeout=_UP_SECONDS,
    )


@contextmanager
def making(target: str, instance: Instance, output: IO[str]) -> Generator[subprocess.Popen[str]]:
    """Run a make target in the background, in a process group of its own as a shell does."""
    process = subprocess.Popen(
        ["make", target, f"INSTANCE={instance.name}"],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=_UP_SECONDS)


@pytest.fixture
def instance(endpoints: Endpoints) -> Instance:
    """The instance that the journeys run on."""
    return Instance(Path(endpoints.kubeconfig).parent.name)


def test_no_operation_failed_and_none_was_retried(instance: Instance, record_property: Record) -> None:
    summary = events.summarise(events.read(log_of(instance)))
    assert summary.finished
    assert summary.failed == ()
    assert summary.retried == ()
    assert sum(summary.changes.values()) > 150
    record_property("operations, failed, retried", f"{sum(summary.changes.values())}, 0, 0")
    record_property("seconds of the engine", round(summary.seconds, 1))


def test_a_second_up_changes_nothing_and_a_concurrent_one_is_refused_with_the_name_of_the_first(
    instance: Instance, tmp_path: Path, record_property: Record
) -> None:
    began = time.monotonic()
    before = lock.holder(instance)
    with (tmp_path / "first.log").open("w+") as output, making("up", instance, output) as first:

        def locked() -> str | None:
            assert first.poll() is None, f"`make up` ended by itself: {Path(output.name).read_text()[-2000:]}"
            # Read, not tried: a try would hold the lock for a moment and make the first the second.
            ours = lock.is_inherited(instance) or lock.holder(instance) != before
            return None if ours else "nobody has taken the lock"

        wait_for("the first's lock", locked, timeout_seconds=_UNTIL_LOCKED_SECONDS, interval_seconds=0.2)
        second = make("up", instance)
        assert second.returncode != 0
        # A night holds the lock for all of its commands.
        first_name = "make nightly" if lock.is_inherited(instance) else "make up"
        assert f"cluster '{instance.name}' is in use by `{first_name}` (pid " in second.stderr
        assert "Traceback" not in second.stderr
        assert first.wait(timeout=_UP_SECONDS) == 0
        output.seek(0)
        text = output.read()
    summary = events.summarise(events.read(log_of(instance)))
    assert summary.finished
    assert summary.changed == 0, summary.changes
    assert re.search(r"^held back  (\d+) of \1 classes equal", text, re.MULTILINE)
    record_property("seconds of `make up` again", round(time.monotonic() - began, 1))
    record_property("changes", summary.changed)


def test_a_step_that_asks_for_a_whole_core_finds_room_on_two(
    endpoints: Endpoints, record_property: Record
) -> None:
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    reserved = sum(
        parse_quantity(container.resources.requests.get("cpu", "0"))
        for pod in api.list_pod_for_all_namespaces(field_selector="status.phase=Running").items
        # Runs end; the platform and its models stay.
        if "pipeline/runid" not in (pod.metadata.labels or {})
        for container in pod.spec.containers
        if container.resources and container.resources.requests
    )
    record_property("cores reserved by the platform and its models", float(reserved))
    assert reserved + _WHOLE_CORE <= 2


@pytest.fixture
def fresh() -> Generator[Instance]:
    """An instance of the test's own, removed afterwards in any case."""
    own = Instance("faults")
    remove(own)
    try:
        yield own
    finally:
        remove(own)


def remove(instance: Instance) -> None:
    """Remove a cluster, whatever the state of its platform."""
    command = [".venv/bin/python", "-m", "cluster", "down", "--name", instance.name]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=_UP_SECONDS)


@pytest.mark.slow
def test_up_recovers_from_a_kill_and_an_interrupt_and_down_leaves_nothing(
    fresh: Instance, tmp_path: Path, record_property: Record
) -> None:
    before = leftovers.take(fresh)
    done = make("cluster", fresh)
    assert done.returncode == 0, done.stderr
    empty = cluster_objects.list_objects(fresh.kubeconfig)
    interrupt_up(fresh, tmp_path / "killed.log", signal.SIGKILL, _RESOURCES_BEFORE_KILL)
    interrupt_up(fresh, tmp_path / "interrupted.log", signal.SIGINT, _RESOURCES_BEFORE_INTERRUPT)
    healed = make("up", fresh)
    assert healed.returncode == 0, healed.stdout[-3000:] + healed.stderr[-2000:]
    summary = events.summarise(events.read(log_of(fresh)))
    assert summary.failed == ()
    assert re.search(r"^held back  (\d+) of \1 classes equal", healed.stdout, re.MULTILINE)
    again = make("deploy", fresh)
    assert again.returncode == 0
    assert events.summarise(events.read(log_of(fresh))).changed == 0
    installed = cluster_objects.list_objects(fresh.kubeconfig)
    assert len(installed - empty) > 150
    destroyed = subprocess.run(
        [str(REPOSITORY / ".venv/bin/python"), "-m", "infra", "destroy", "--name", fresh.name],
        cwd=REPOSITORY,
        check=False,
        timeout=_UP_SECONDS,
    )
    assert destroyed.returncode == 0
    wait_for(
        "an empty cluster",
        lambda: ", ".join(sorted(cluster_objects.list_objects(fresh.kubeconfig) - empty)) or None,
        timeout_seconds=60,
    )
    assert make("down", fresh).returncode == 0
    assert leftovers.left_behind(before, leftovers.take(fresh)) == {}
    record_property("objects installed, left after destroy", f"{len(installed - empty)}, 0")
    record_property("left on the machine after down", "nothing")


def interrupt_up(instance: Instance, log: Path, number: signal.Signals, resources: int) -> None:
    """Start `make up` and signal all of its processes once so many resources exist."""
    with log.open("w") as output, making("up", instance, output) as process:

        def far_enough() -> str | None:
            assert process.poll() is None, f"`make up` ended by itself: {log.read_text()[-2000:]}"
            seen = list(events.read(log_of(instance)))
            done = sum("resOutputsEvent" in event for event in seen)
            # The log of the previous run exists until the engine starts.
            fresh = log_of(instance).exists() and log_of(instance).stat().st_mtime > started
            return None if fresh and done >= resources else f"{done} resources"

        started = time.time()
        wait_for("half an installation", far_enough, timeout_seconds=_UP_SECONDS, interval_seconds=0.5)
        os.killpg(process.pid, number)
        assert process.wait(timeout=_UP_SECONDS) != 0
