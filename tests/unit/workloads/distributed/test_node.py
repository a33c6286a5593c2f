"""The program of a node goes on from the last tenth round, and says in one line why it ended."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import xgboost

from workloads.distributed import node
from workloads.distributed.train_on_nodes import PROGRAM

_ROUNDS = 25


def _prepared(folder: Path) -> str:
    """Make an MLflow run with the rows of one node; return its id."""
    features = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
    np.savez(folder / node.ROWS.format(0), features=features, labels=(features[:, 0] > 0).astype(int))
    parameters = {"objective": "binary:logistic"}
    (folder / node.JOB).write_text(json.dumps({"parameters": parameters, "rounds": _ROUNDS}))
    mlflow.set_experiment("nodes")
    with mlflow.start_run() as run:
        for name in (node.ROWS.format(0), node.JOB):
            mlflow.log_artifact(str(folder / name), node.NODES_FOLDER)
    return run.info.run_id


def _run(run_id: str) -> "subprocess.CompletedProcess[str]":
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    own = {
        "DMLC_TRACKER_URI": "localhost",
        "DMLC_TRACKER_PORT": str(port),
        "DMLC_NUM_WORKER": "1",
        "DMLC_TASK_ID": "0",
        "PLINTH_NODES_RUN": run_id,
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _trees(run_id: str, name: str, folder: Path) -> Any:
    file = mlflow.MlflowClient().download_artifacts(run_id, f"{node.NODES_FOLDER}/{name}", str(folder))
    return xgboost.Booster(model_file=file)


def test_a_node_that_starts_again_loses_no_more_than_ten_rounds(
    step_environment: Path, tmp_path: Path
) -> None:
    run_id = _prepared(step_environment)
    first = _run(run_id)
    assert first.returncode == 0, first.stderr
    assert "node 0 of 1: 200 rows, 0 of 25 rounds done" in first.stdout
    whole = _trees(run_id, node.TREES, tmp_path)
    assert _trees(run_id, node.CHECKPOINT, tmp_path).num_boosted_rounds() == 20
    again = _run(run_id)
    assert again.returncode == 0, again.stderr
    assert "node 0 of 1: 200 rows, 20 of 25 rounds done" in again.stdout
    rows = xgboost.DMatrix(np.random.default_rng(1).normal(size=(50, 3)).astype("float32"))
    found = _trees(run_id, node.TREES, tmp_path)
    assert found.num_boosted_rounds() == _ROUNDS
    assert np.abs(found.predict(rows) - whole.predict(rows)).max() < 1e-6
    steps = [each.step for each in mlflow.MlflowClient().get_metric_history(run_id, "training_logloss")]
    assert sorted(set(steps)) == list(range(1, _ROUNDS + 1))


def test_the_last_line_is_the_reason(step_environment: Path) -> None:
    ended = _run("0" * 32)
    assert ended.returncode == 1
    assert re.fullmatch(r"node 0 of 1: .*0{32}.*", ended.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("no rows", "no rows"),
        ("one\ntwo\n", "two"),
        (
            "[1] allreduce failed.\n- [2] Connection closed\n\nStack trace:\n  [bt] (0) x.so\n",
            "[1] allreduce failed. [2] Connection closed",
        ),
        ("", "ValueError"),
    ],
)
def test_a_stack_trace_is_no_reason(message: str, line: str) -> None:
    assert node.why(ValueError(message)) == line


def test_the_program_needs_nothing_of_this_repository() -> None:
    assert "workloads" not in PROGRAM
    assert '"""' not in PROGRAM
