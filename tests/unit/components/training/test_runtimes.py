"""Nodes of a runtime are restricted, and all start again together."""

from components.training import runtimes
from workloads.contract import TRAINING_RUNTIME


def test_a_runtime_is_upstreams_with_restricted_pods_of_our_image() -> None:
    found = runtimes.xgboost("plinth/workload:1")
    assert found["metadata"]["name"] == TRAINING_RUNTIME
    assert found["metadata"]["labels"]["trainer.kubeflow.org/framework"] == "xgboost"
    assert found["spec"]["mlPolicy"] == {"numNodes": 1, "xgboost": {}}
    template = found["spec"]["template"]["spec"]
    assert template["failurePolicy"] == {"maxRestarts": 2}
    (job,) = template["replicatedJobs"]
    assert job["name"] == "node"
    spec = job["template"]["spec"]
    assert spec["backoffLimit"] == 0
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert (container["name"], container["image"]) == ("node", "plinth/workload:1")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_nodes_know_their_namespaces_mlflow_and_no_secret() -> None:
    text = str(runtimes.xgboost("plinth/workload:1"))
    assert (
        "'name': 'MLFLOW_TRACKING_URI', 'valueFrom': {'configMapKeyRef': {'name': 'plinth-endpoints'" in text
    )
    assert "secret" not in text.lower()
