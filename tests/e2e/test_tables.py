"""Tables as people have them, from the file to served answers: semicolons, raw columns, a quantity."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from harness import chain
from tests.e2e import through_gateway
from workloads import datasets, lineage, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient

# Trains models: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_COLOURS = ("red", "", "blue")


@dataclass(frozen=True)
class Case:
    """A file, and what is predicted."""

    content: str
    understood: str


def _mixed(at: int) -> str:
    size = "" if at % 9 == 4 else f"{at % 7 + 10 * (at % 2)}.5"
    return f"{size},{_COLOURS[at % 3]},{at % 2 == 0}"


CASES: Mapping[str, Case] = {
    "semicolons": Case(
        "Größe;weight;target\r\n"
        + "".join(
            f"{at % 5 + 5 * (at % 2)},{at};{at % 7},5;{('klein, rot', 'groß')[at % 2]}\r\n"
            for at in range(60)
        ),
        "60 rows of 2 features, semicolons between values, decimal commas, 2 classes",
    ),
    "raw-columns": Case(
        "size,colour,new,target\n" + "".join(f"{_mixed(at)},{'ab'[at % 2]}\n" for at in range(60)),
        "60 rows of 3 features, 1 of them text, 1 of them boolean, "
        "values missing in 'size', 'colour', 2 classes",
    ),
    "quantity": Case(
        "x,y,target\n" + "".join(f"{at}.5,{at % 7},{3 * at + at % 7}.25\n" for at in range(60)),
        "60 rows of 2 features, regression",
    ),
}


@pytest.fixture(scope="module")
def run_ids(endpoints: Endpoints) -> dict[str, str]:
    """Runs on all files, submitted together, as each mostly waits."""
    started: dict[str, str] = {}
    for name, case in CASES.items():
        data = chain.upload(endpoints, f"Table {name} (1).csv", case.content.encode())
        dataset = datasets.prepare(endpoints, data, "target", name=name)
        assert dataset.understood == case.understood
        started[name] = chain.submit(endpoints, dataset)
    return started


@pytest.mark.parametrize("name", CASES)
def test_every_held_back_row_is_answered_as_at_training_time(
    endpoints: Endpoints, run_ids: dict[str, str], name: str
) -> None:
    run = chain.wait_until_finished(endpoints, run_ids[name])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, name)
    assert lineage.broken_links(traced) == []
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    assert len(evidence.rows) == 18
    served = InferenceClient(endpoints, name).predict_v1(evidence.instances)
    assert evidence.largest_difference(served) <= 1e-9
    assert bool(evidence.classes) == (name != "quantity")


def test_a_client_sends_raw_columns_by_name(endpoints: Endpoints, run_ids: dict[str, str]) -> None:
    chain.wait_until_finished(endpoints, run_ids["raw-columns"])
    rows = [
        {"size": None, "colour": None, "new": True},
        {"size": 14.5, "colour": "a colour that training never saw", "new": False},
    ]
    with through_gateway.connect(endpoints, endpoints.model_host("raw-columns")) as gateway:
        answer = gateway.post("/v1/models/raw-columns:predict", json={"instances": rows})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["predictions"]
    assert first[0] > 0.5 > second[0]
