"""The program of one node: boost trees on its share of the rows, together with all other nodes.

It runs alone in a pod, so it imports nothing of this repository. Node 0 also runs the tracker by which the
others find each other, and writes what comes of it into the MLflow run.
"""

# xgboost and mlflow ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NODES_FOLDER = "nodes"
"""Folder of the MLflow run's artifacts for all that nodes share."""
JOB, ROWS, TREES, CHECKPOINT = "job.json", "rows-{}.npz", "trees.ubj", "checkpoint.ubj"
"""Its files: parameters, rows of each node, trees of all rounds, and those of the last tenth round."""
_CHECKPOINT_ROUNDS = 10
# Nodes start within minutes of each other: images are pulled, and pods of one training may wait for room.
_START_SECONDS = 300
# The library waits two seconds longer with every attempt.
_ATTEMPTS = 16
_LONGEST_REASON = 400


def main() -> None:
    """Train and end; whatever fails is the last line of the log, which is the reason of the pod."""
    node, nodes = int(os.environ["DMLC_TASK_ID"]), int(os.environ["DMLC_NUM_WORKER"])
    with tempfile.TemporaryDirectory() as folder:
        try:
            _train(node, nodes, Path(folder))
        except Exception as error:
            sys.exit(f"node {node} of {nodes}: {why(error)}")


def why(error: Exception) -> str:
    """Return what an error says in one line: the last one, or all of XGBoost's above its stack trace."""
    message, trace, _ = str(error).partition("Stack trace:")
    lines = [line.strip(" -") for line in message.splitlines() if line.strip(" -")]
    if trace:
        return " ".join(lines)[:_LONGEST_REASON]
    return lines[-1] if lines else type(error).__name__


def _train(node: int, nodes: int, folder: Path) -> None:
    import mlflow
    import numpy as np
    import xgboost
    from xgboost import collective
    from xgboost.tracker import RabitTracker

    host, port = os.environ["DMLC_TRACKER_URI"], int(os.environ["DMLC_TRACKER_PORT"])
    run_id = os.environ["PLINTH_NODES_RUN"]
    client = mlflow.MlflowClient()

    def fetched(name: str) -> Path:
        return Path(client.download_artifacts(run_id, f"{NODES_FOLDER}/{name}", str(folder)))

    job = json.loads(fetched(JOB).read_text())
    rows = np.load(fetched(ROWS.format(node)))
    # Before they meet: nobody writes one until all have read it.
    kept = any(
        each.path == f"{NODES_FOLDER}/{CHECKPOINT}" for each in client.list_artifacts(run_id, NODES_FOLDER)
    )
    begun = xgboost.Booster(model_file=str(fetched(CHECKPOINT))) if kept else None
    done = begun.num_boosted_rounds() if begun else 0
    tracker = None
    if node == 0:
        # A pod's network policy says who reaches it.
        anywhere = "0.0.0.0"  # noqa: S104
        tracker = RabitTracker(host_ip=anywhere, n_workers=nodes, port=port, sortby="task")
        tracker.start()
    _wait_for_name(host)
    meeting: dict[str, Any] = {
        "dmlc_tracker_uri": host,
        "dmlc_tracker_port": port,
        "dmlc_task_id": str(node),
        "dmlc_retry": _ATTEMPTS,
        "dmlc_timeout": _START_SECONDS,
    }
    print(
        f"node {node} of {nodes}: {len(rows['labels'])} rows, {done} of {job['rounds']} rounds done",
        flush=True,
    )
    with collective.CommunicatorContext(**meeting):
        matrix = xgboost.QuantileDMatrix(rows["features"], label=rows["labels"])
        measured: dict[str, Any] = {}
        trees = xgboost.train(
            job["parameters"],
            matrix,
            job["rounds"] - done,
            xgb_model=begun,
            evals=[(matrix, "training")],
            evals_result=measured,
            verbose_eval=False,
            callbacks=[_keeping(client, run_id, folder, node)],
        )
        if node == 0:
            _write(client, run_id, trees, folder / TREES)
            _log(client, run_id, measured, done)
    if tracker is not None:
        tracker.wait_for()
    print(f"node {node} of {nodes}: {trees.num_boosted_rounds()} rounds", flush=True)


def _keeping(client: Any, run_id: str, folder: Path, node: int) -> Any:
    """Return what keeps the trees of every tenth round, from which a training goes on after a lost node."""
    from xgboost.callback import TrainingCallback

    class Keeping(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if node == 0 and (epoch + 1) % _CHECKPOINT_ROUNDS == 0:
                _write(client, run_id, model, folder / CHECKPOINT)
            return False

    return Keeping()


def _write(client: Any, run_id: str, trees: Any, file: Path) -> None:
    trees.save_model(str(file))
    client.log_artifact(run_id, str(file), NODES_FOLDER)


def _log(client: Any, run_id: str, measured: dict[str, Any], done: int) -> None:
    """Write the loss of every round, over the rows of all nodes, into the MLflow run."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [
        Metric(f"training_{name}", value, now, done + place + 1)
        for name, values in measured["training"].items()
        for place, value in enumerate(values)
    ]
    for begin in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[begin : begin + 1000])


def _wait_for_name(host: str) -> None:
    """Wait until the name of node 0 resolves: its pod has an address a moment after it is created."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.getaddrinfo(host, None)
        except socket.gaierror:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{host}: no such name within {_START_SECONDS} s; node 0 has no address"
                ) from None
            time.sleep(1)
        else:
            return


if __name__ == "__main__":
    main()
