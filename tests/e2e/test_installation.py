"""What `make up` promises of itself: no retry, nothing to do again, one at a time, healing, no trace."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from cluster import lock
from cluster.instance import Instance
from harness import cluster_objects, leftovers
from infra.engine import events
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

# Seconds of an installation are told for a machine that does nothing else.
pytestmark = pytest.mark.alone

Record = Callable[[str, object], None]

REPOSITORY = Path(__file__).parents[2]
_UP_SECONDS = 15 * 60
_UNTIL_LOCKED_SECONDS = 60
# Far enough that namespaces, custom resource definitions, databases and half-made pods are there.
_RESOURCES_BEFORE_KILL = 90
_RESOURCES_BEFORE_INTERRUPT = 150


def log_of(instance: Instance) -> Path:
    return instance.folder / "pulumi" / "events.jsonl"


def make(target: str, instance: Instance) -> subprocess.CompletedProcess[str]:
    """Run a make target as a stranger would, who shares no lock with whoever started this test."""
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
    """Run a make target beside the test, in a process group of its own as a shell would."""
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


def test_no_operation_failed_and_none_was_tried_again(instance: Instance, record_property: Record) -> None:
    summary = events.summarise(events.read(log_of(instance)))
    assert summary.finished
    assert summary.failed == ()
    assert summary.retried == ()
    assert sum(summary.changes.values()) > 150
    record_property("operations, failed, retried", f"{sum(summary.changes.values())}, 0, 0")
    record_property("seconds of the engine", round(summary.seconds, 1))


def test_again_changes_nothing_and_who_comes_second_meanwhile_learns_who_is_first(
    instance: Instance, tmp_path: Path, record_property: Record
) -> None:
    began = time.monotonic()
    before = lock.holder(instance)
    with (tmp_path / "first.log").open("w+") as output, making("up", instance, output) as first:

        def locked() -> str | None:
            assert first.poll() is None, f"`make up` ended by itself: {Path(output.name).read_text()[-2000:]}"
            # Looked at, not tried: who tries has the lock for a moment, and the first would be the second.
            ours = lock.is_inherited(instance) or lock.holder(instance) != before
            return None if ours else "nobody has taken the lock"

        wait_for("the first's lock", locked, timeout_seconds=_UNTIL_LOCKED_SECONDS, interval_seconds=0.2)
        second = make("up", instance)
        assert second.returncode != 0
        # A night holds the lock for all that it runs.
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


@pytest.fixture
def fresh() -> Generator[Instance]:
    """An instance of the test's own, gone afterwards whatever happens."""
    own = Instance("faults")
    removed(own)
    try:
        yield own
    finally:
        removed(own)


def removed(instance: Instance) -> None:
    """Remove a cluster whatever state its platform is in: with it go all of its objects."""
    command = [".venv/bin/python", "-m", "cluster", "down", "--name", instance.name]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=_UP_SECONDS)


@pytest.mark.slow
def test_killed_and_interrupted_it_heals_and_in_the_end_leaves_nothing(
    fresh: Instance, tmp_path: Path, record_property: Record
) -> None:
    before = leftovers.take(fresh)
    done = make("cluster", fresh)
    assert done.returncode == 0, done.stderr
    empty = cluster_objects.listed(fresh.kubeconfig)
    broken_off(fresh, tmp_path / "killed.log", signal.SIGKILL, _RESOURCES_BEFORE_KILL)
    broken_off(fresh, tmp_path / "interrupted.log", signal.SIGINT, _RESOURCES_BEFORE_INTERRUPT)
    healed = make("up", fresh)
    assert healed.returncode == 0, healed.stdout[-3000:] + healed.stderr[-2000:]
    summary = events.summarise(events.read(log_of(fresh)))
    assert summary.failed == ()
    assert re.search(r"^held back  (\d+) of \1 classes equal", healed.stdout, re.MULTILINE)
    again = make("deploy", fresh)
    assert again.returncode == 0
    assert events.summarise(events.read(log_of(fresh))).changed == 0
    installed = cluster_objects.listed(fresh.kubeconfig)
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
        lambda: ", ".join(sorted(cluster_objects.listed(fresh.kubeconfig) - empty)) or None,
        timeout_seconds=60,
    )
    assert make("down", fresh).returncode == 0
    assert leftovers.left_behind(before, leftovers.take(fresh)) == {}
    record_property("objects installed, left after destroy", f"{len(installed - empty)}, 0")
    record_property("left on the machine after down", "nothing")


def broken_off(instance: Instance, log: Path, number: signal.Signals, resources: int) -> None:
    """Start `make up` and end it, from its first process to its last, once so many resources are there."""
    with log.open("w") as output, making("up", instance, output) as process:

        def far_enough() -> str | None:
            assert process.poll() is None, f"`make up` ended by itself: {log.read_text()[-2000:]}"
            seen = list(events.read(log_of(instance)))
            done = sum("resOutputsEvent" in event for event in seen)
            # The log of the run before stays until the engine starts.
            fresh = log_of(instance).exists() and log_of(instance).stat().st_mtime > started
            return None if fresh and done >= resources else f"{done} resources"

        started = time.time()
        wait_for("half an installation", far_enough, timeout_seconds=_UP_SECONDS, interval_seconds=0.5)
        os.killpg(process.pid, number)
        assert process.wait(timeout=_UP_SECONDS) != 0
