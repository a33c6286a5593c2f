"""InferenceServices as dicts."""

from tests.fixtures.models import SERVED, deployed_service
from workloads.serving.inference_service import copy_under_name, inference_service, template, version_service


def test_the_runtime_is_named_and_nothing_scales_by_load() -> None:
    service = inference_service(
        "wine", "models", storage_uri="s3://mlflow/1", runtime="mlflow-abc", service_account="model-storage"
    )
    predictor = service["spec"]["predictor"]
    assert predictor["model"]["runtime"] == "mlflow-abc"
    assert predictor["model"]["modelFormat"] == {"name": "mlflow", "version": "3"}
    assert predictor["model"]["storageUri"] == "s3://mlflow/1"
    assert predictor["minReplicas"] == predictor["maxReplicas"] == 1
    assert service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert "canaryTrafficPercent" not in predictor, "KServe 0.20 accepts and ignores it in Standard mode"


def test_a_model_may_burst_but_not_eat_the_node() -> None:
    resources = template()["spec"]["predictor"]["model"]["resources"]
    assert "cpu" not in resources["limits"]
    assert resources["limits"]["memory"]


def test_a_copy_under_another_name_leaves_out_what_the_api_server_added() -> None:
    original = deployed_service("wine-v2")
    copy = copy_under_name(original, "wine-v3", SERVED)
    assert set(copy) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(copy["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert copy["metadata"]["name"] == "wine-v3"
    assert copy["metadata"]["labels"] == {
        **original["metadata"]["labels"],
        "app.kubernetes.io/instance": "wine-v3",
        "plinth.dev/model-name": "wine",
    }
    assert copy["metadata"]["annotations"] == {
        **SERVED.to_annotations(),
        "serving.kserve.io/autoscalerClass": "none",
    }
    assert copy["spec"] == original["spec"]


def test_each_version_has_a_service_of_its_own() -> None:
    assert version_service("wine", "3") == "wine-v3"
    assert version_service("wine", "3") != version_service("wine", "30")


def test_a_copy_without_a_version_records_none_and_answers_by_its_own_name() -> None:
    copy = copy_under_name(deployed_service("wine-v3"), "bench")
    assert "plinth.dev/model-name" not in copy["metadata"]["labels"]
    assert copy["metadata"]["annotations"] == {"serving.kserve.io/autoscalerClass": "none"}
