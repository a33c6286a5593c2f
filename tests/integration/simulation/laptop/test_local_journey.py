"""The journey from data to a prediction without a cluster: the platform's asserts, and nothing left."""

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.e2e import test_train_register_serve as journey
from tests.integration.simulation.laptop.laptops import Laptop
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.lineage import HeldBack, Lineage

_PREDICTED = "class_0 with probability 0.9990470092570205"
_WINE = "7ec843c2ddfe5a42df16cb9f31590f9b23b0e89345c860a27592d7c97422ff12"

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Laptop]:
    """A local run that has ended and goes on serving."""
    found = Laptop.start(tmp_path_factory.mktemp("laptop"), "--stay")
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
    found = Laptop.start(tmp_path)
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
