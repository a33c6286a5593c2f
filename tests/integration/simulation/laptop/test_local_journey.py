"""The journey from data to a prediction without a cluster: the platform's asserts, and nothing left."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import test_train_register_serve as journey
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.lineage import HeldBack, Lineage
from workloads.wait import wait_for

REPOSITORY = Path(__file__).parents[4]
_COMMAND = [sys.executable, "-m", "workloads", "run", "train_register_serve", "--local"]
# An empty cache of Python packages is filled first.
_SECONDS = 600
_PREDICTED = "class_0 with probability 0.9990470092570205"
_WINE = "7ec843c2ddfe5a42df16cb9f31590f9b23b0e89345c860a27592d7c97422ff12"

Record = Callable[[str, object], None]


@dataclass
class Laptop:
    """A local run, and all that it printed so far."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    """Its temporary files."""
    log: Path

    @property
    def shown(self) -> str:
        return self.log.read_text()

    def wait_until_shown(self, text: str) -> None:
        def probe() -> str | None:
            shown = self.shown
            assert text in shown or self.process.poll() is None, shown
            return None if text in shown else shown[-500:]

        wait_for(f"{text!r}", probe, timeout_seconds=_SECONDS, interval_seconds=0.1)

    def interrupt(self) -> int:
        """Interrupt it as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    def members(self) -> list[str]:
        """Return the command of every process that was started with its folder for temporary files."""
        mine = f"TMPDIR={self.folder}".encode()
        found: list[str] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    if mine in (entry / "environ").read_bytes():
                        found.append((entry / "cmdline").read_text().replace("\0", " "))
                except OSError:
                    continue
        return found


def _start(folder: Path, *arguments: str) -> Laptop:
    temporary = folder / "temporary"
    temporary.mkdir()
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*_COMMAND, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    return Laptop(process, temporary, log)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Laptop]:
    """A local run that has ended and goes on serving."""
    found = _start(tmp_path_factory.mktemp("laptop"), "--stay")
    try:
        found.wait_until_shown("goes on until Ctrl-C")
        yield found
        assert found.interrupt() == 0
        assert found.members() == []
        assert not list(found.folder.iterdir())
    finally:
        found.process.terminate()
        found.process.wait(timeout=30)


@pytest.fixture(scope="module")
def endpoints(laptop: Laptop) -> Endpoints:
    (file,) = laptop.folder.glob("*/endpoints.json")
    return Endpoints.from_file(file)


@pytest.fixture(scope="module")
def served(endpoints: Endpoints) -> Lineage:
    return lineage.trace(endpoints, "wine")


@pytest.fixture(scope="module")
def evidence(endpoints: Endpoints, served: Lineage) -> HeldBack:
    return lineage.read_held_back(endpoints, served.served.mlflow_run_id)


def test_all_steps_run_and_the_prediction_is_printed_beside_the_value_it_must_have(laptop: Laptop) -> None:
    steps = re.findall(r"^  ([a-z-]+) +Succeeded ", laptop.shown, re.MULTILINE)
    assert steps == ["load-data", "validate-data", "train", "evaluate", "register", "deploy", "smoke"]
    assert f"\npredicted  {_PREDICTED}\nexpected   {_PREDICTED}\n" in laptop.shown
    assert "\nheld back  54 of 54 classes equal, probabilities within 0.0e+00\n" in laptop.shown


def test_every_held_back_row_is_predicted_as_on_the_platform(
    endpoints: Endpoints, served: Lineage, evidence: HeldBack, record_property: Record
) -> None:
    journey.test_every_held_back_row_is_predicted_as_at_training_time(
        endpoints, served, evidence, record_property
    )


def test_the_metrics_in_mlflow_equal_a_recomputation_as_on_the_platform(
    endpoints: Endpoints, served: Lineage, evidence: HeldBack, record_property: Record
) -> None:
    journey.test_the_metrics_in_mlflow_equal_a_recomputation(endpoints, served, evidence, record_property)


def test_lineage_is_complete_as_on_the_platform(
    endpoints: Endpoints, served: Lineage, record_property: Record
) -> None:
    journey.test_lineage_is_complete_from_data_to_predictor_and_back(endpoints, served, record_property)
    assert served.served.data_sha256 == _WINE
    assert served.pipeline_run_id in served.training_tags["kfp.pod"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    found = _start(tmp_path)
    try:
        found.wait_until_shown("  load-data      Succeeded")
        running = found.members()
        assert any("mlflow" in each for each in running), running
        assert found.interrupt() == 130
        assert found.shown.endswith("error: interrupted; nothing is left running\n")
        assert found.members() == []
        assert not list(found.folder.iterdir())
    finally:
        found.process.kill()
        found.process.wait()
