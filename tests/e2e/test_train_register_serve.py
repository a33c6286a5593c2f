"""The chain from data to prediction: exact, and traceable in both directions."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from kubernetes import client, stream
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from harness import chain
from workloads import cluster_client, lineage, object_store, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.lineage import HeldBack, Lineage
from workloads.serving.artifacts import digest_of_files
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import version_service
from workloads.serving.inference_services import InferenceServices
from workloads.tracking import connect

Record = Callable[[str, object], None]

_PREDICT = """
import json, sys, mlflow, numpy
model = mlflow.pyfunc.load_model("/mnt/models")
print(json.dumps(model.predict(numpy.array(json.loads(sys.argv[1]))).tolist()))
"""


@pytest.fixture(scope="module", params=["wine", "breast-cancer", "flowers"])
def served(endpoints: Endpoints, runs: Mapping[str, str], request: pytest.FixtureRequest) -> Lineage:
    """A served model: of two data sets of scikit-learn, and of a file in the object store."""
    name: str = request.param
    if name in runs:
        run = chain.wait_until_finished(endpoints, runs[name])
        assert run.state == pipeline_runs.SUCCEEDED, run.reason
    return lineage.trace(endpoints, name)


@pytest.fixture(scope="module")
def evidence(endpoints: Endpoints, served: Lineage) -> HeldBack:
    """The held-back rows, with their predictions at training time."""
    return lineage.read_held_back(endpoints, served.served.mlflow_run_id)


def test_every_held_back_row_is_predicted_as_at_training_time(
    endpoints: Endpoints, served: Lineage, evidence: HeldBack, record_property: Record
) -> None:
    model = InferenceClient(endpoints, served.model_name)
    for protocol, rows in (("v1", model.predict_v1(evidence.rows)), ("v2", model.predict_v2(evidence.rows))):
        classes = [evidence.classes[row.index(max(row))] for row in rows]
        assert classes == evidence.predicted, protocol
        difference = max(
            abs(found - wanted)
            for row, expected in zip(rows, evidence.probabilities, strict=True)
            for found, wanted in zip(row, expected, strict=True)
        )
        assert difference <= 1e-9, protocol
        record_property(
            f"{served.model_name} {protocol} rows, largest difference", f"{len(rows)}, {difference:g}"
        )


def test_the_gateway_returns_every_bit_of_what_the_serving_image_computes(
    endpoints: Endpoints, served: Lineage, evidence: HeldBack
) -> None:
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    selector = (
        f"serving.kserve.io/inferenceservice={version_service(served.model_name, served.model_version)}"
    )
    pod = api.list_namespaced_pod(endpoints.models_namespace, label_selector=selector).items[0]
    computed = stream.stream(
        api.connect_get_namespaced_pod_exec,
        pod.metadata.name,
        endpoints.models_namespace,
        container="kserve-container",
        command=["python3", "-W", "ignore", "-c", _PREDICT, json.dumps(evidence.rows)],
        stderr=False,
        stdin=False,
        stdout=True,
        tty=False,
        _preload_content=False,
    )
    computed.run_forever(timeout=120)
    inside = json.loads(computed.read_stdout().splitlines()[-1])
    assert InferenceClient(endpoints, served.model_name).predict_v1(evidence.rows) == inside


def test_the_metrics_in_mlflow_equal_a_recomputation(
    endpoints: Endpoints, served: Lineage, evidence: HeldBack, record_property: Record
) -> None:
    run = connect(endpoints).get_run(served.version_tags["gate.run_id"])
    labels, scores, classes = evidence.labels, evidence.probabilities, evidence.classes
    positive = [row[1] for row in scores] if len(classes) == 2 else scores
    expected = {
        "accuracy": accuracy_score(labels, evidence.predicted),
        "f1": f1_score(labels, evidence.predicted, average="macro"),
        "log_loss": log_loss(labels, scores, labels=classes),
        "roc_auc": roc_auc_score(labels, positive, multi_class="ovr", labels=classes),
    }
    # Those of MLflow's own evaluator have a prefix.
    own = {name: value for name, value in run.data.metrics.items() if not name.startswith("held_back_")}
    assert own == pytest.approx(expected, abs=1e-9)
    assert run.data.metrics["held_back_accuracy_score"] == pytest.approx(expected["accuracy"], abs=1e-9)
    record_property(f"{served.model_name} accuracy", run.data.metrics["accuracy"])


def test_lineage_is_complete_from_data_to_predictor_and_back(
    endpoints: Endpoints, served: Lineage, record_property: Record
) -> None:
    assert lineage.broken_links(served) == []
    mlflow = connect(endpoints)
    # In reverse, from the pipeline run alone: its evaluation, the training run, the version, the service.
    (evaluation_id,) = served.evaluation_run_ids
    training_id = mlflow.get_run(evaluation_id).data.tags["mlflow.parentRunId"]
    found = mlflow.search_model_versions(
        f"name = '{served.model_name}' and run_id = '{training_id}' "
        f"and tag.`kfp.pipeline_run_id` = '{served.pipeline_run_id}'"
    )
    assert [str(version.version) for version in found] == [served.model_version]
    assert (
        str(mlflow.get_model_version_by_alias(served.model_name, "champion").version) == served.model_version
    )
    record_property(
        f"{served.model_name} version, pipeline run", f"{served.model_version}, {served.pipeline_run_id}"
    )


def test_the_predictor_loaded_the_files_in_the_object_store(endpoints: Endpoints, served: Lineage) -> None:
    service: Any = InferenceServices(endpoints).of_model(served.model_name)
    store = object_store.models_store(endpoints, service["spec"]["predictor"]["serviceAccountName"])
    bucket, _, prefix = served.service_uri.removeprefix("s3://").partition("/")
    keys = [each["Key"] for each in store.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]]
    files = [
        (key.removeprefix(f"{prefix}/"), store.get_object(Bucket=bucket, Key=key)["Body"].read())
        for key in keys
    ]
    assert digest_of_files(files) == served.predictor_digest
