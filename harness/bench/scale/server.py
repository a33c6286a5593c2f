"""Commands in the server pod of MLflow, for what its API cannot do."""

from typing import Any

from kubernetes import client
from kubernetes.stream import stream

from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_LABEL = "app.kubernetes.io/name=mlflow,app.kubernetes.io/component=server"
_SECONDS = 600
# The command takes the address of the database from an argument, which other processes can read; in this
# way it stays in the environment of the server. Artifacts are deleted through the server.
_GC = """
import os, sys
os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:5000"
from mlflow.cli import gc
gc(["--backend-store-uri", os.environ["MLFLOW_BACKEND_STORE_URI"], "--experiment-ids", sys.argv[1]])
"""


def purge_experiment(endpoints: Endpoints, experiment_id: str) -> None:
    """Remove a deleted experiment and its runs from the database: `mlflow gc` in the server's pod.

    Raises:
        WorkloadsError: there is no such pod, or the command failed.
    """
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    pods = api.list_namespaced_pod(endpoints.tracking_namespace, label_selector=_LABEL).items
    if not pods:
        raise WorkloadsError(f"MLflow: no pod with {_LABEL} in {endpoints.tracking_namespace}")
    answer: Any = stream(
        api.connect_get_namespaced_pod_exec,
        pods[0].metadata.name,
        endpoints.tracking_namespace,
        command=["python3", "-c", _GC, experiment_id],
        stderr=True,
        stdout=True,
        _preload_content=False,
        _request_timeout=_SECONDS,
    )
    # What it prints about each run is dropped.
    answer.run_forever(timeout=_SECONDS)
    if answer.is_open():
        answer.close()
        raise WorkloadsError(f"mlflow gc of experiment {experiment_id}: not within {_SECONDS} s")
    if answer.returncode:
        said = answer.read_stderr().strip().splitlines()[-1:] or ["no message"]
        raise WorkloadsError(f"mlflow gc of experiment {experiment_id}: {said[0][:200]}")
