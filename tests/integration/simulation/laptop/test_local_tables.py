"""Boosted trees, and a table of many rows, without a cluster: the served model answers like the file."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.simulation.laptop.laptops import REPOSITORY, Laptop
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.lineage import HeldBack
from workloads.serving.inference_client import InferenceClient

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module", params=["xgboost", "lightgbm"])
def laptop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Laptop]:
    """A local run of a boosted model that has ended and goes on serving."""
    choices = ("--family", request.param, "--objective", "f1", "--threshold", "0.8")
    found = Laptop.start(tmp_path_factory.mktemp("laptop"), "--stay", *choices)
    try:
        found.wait_until_shown("for other commands: --endpoints")
        yield found
    finally:
        found.process.terminate()
        found.process.wait(timeout=30)


@pytest.fixture(scope="module")
def evidence(endpoints: Endpoints) -> HeldBack:
    return lineage.read_held_back(endpoints, lineage.trace(endpoints, "wine").served.mlflow_run_id)


def predict(laptop: Laptop, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "workloads",
        "run",
        "predict_batch",
        "--endpoints",
        str(laptop.endpoints),
    ]
    return subprocess.run(
        [*command, "--name", "wine", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_served_model_answers_every_bit_of_the_training_step(
    endpoints: Endpoints, evidence: HeldBack
) -> None:
    assert InferenceClient(endpoints, "wine").predict_v1(evidence.instances) == evidence.probabilities
    assert lineage.broken_links(lineage.trace(endpoints, "wine")) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_has_the_answers_of_the_served_model(
    laptop: Laptop, endpoints: Endpoints, evidence: HeldBack, tmp_path: Path, suffix: str
) -> None:
    rows = pd.DataFrame(evidence.rows, columns=evidence.features)
    rows = pd.concat([rows * (1 + at / 1000) for at in range(120)], ignore_index=True)
    rows.insert(0, "bottle", [f"no. {at}" for at in range(len(rows))])
    data, output = tmp_path / f"rows{suffix}", tmp_path / f"out{suffix}"
    rows.to_csv(data, index=False) if suffix == ".csv" else rows.to_parquet(data, index=False)
    done = predict(laptop, "--data", str(data), "--output", str(output), "--keep", "bottle")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\npredicted  6480 rows in " in done.stdout
    found = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert found["bottle"].tolist() == rows["bottle"].tolist()
    asked = rows.drop(columns="bottle").to_numpy().tolist()
    assert found.iloc[:, 2:].to_numpy().tolist() == InferenceClient(endpoints, "wine").predict_v1(asked)


def test_a_table_that_is_not_the_models_is_one_line_and_no_file(laptop: Laptop, tmp_path: Path) -> None:
    data, output = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"alcohol": [1.0], "tags": [["a"]]}), data)
    done = predict(laptop, "--data", str(data), "--output", str(output))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert (
        ": FAILED: predict-table: data: column 'tags' is nested (list<element: string>); give each"
        in done.stderr
    )
    assert not list(tmp_path.glob("out*"))
