"""An InferenceService serves a model of the platform in a runtime of the platform, whoever creates it."""

import copy
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from workloads import cluster_client
from workloads.endpoints import Endpoints

_KIND = ("serving.kserve.io", "v1beta1")


@pytest.fixture(scope="module")
def objects(endpoints: Endpoints) -> Any:
    return client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))


def service(predictor: dict[str, Any] | None = None, model: dict[str, Any] | None = None, **spec: Any) -> Any:
    plain = {"modelFormat": {"name": "mlflow"}, "storageUri": "s3://mlflow/1/models/m-1/artifacts"}
    return {
        "apiVersion": "/".join(_KIND),
        "kind": "InferenceService",
        "metadata": {"name": "admission"},
        "spec": {"predictor": {"model": {**plain, **(model or {})}, **(predictor or {})}, **spec},
    }


def create(objects: Any, endpoints: Endpoints, body: Any) -> None:
    place = (*_KIND, endpoints.models_namespace, "inferenceservices")
    objects.create_namespaced_custom_object(*place, body, dry_run="All")


CONTAINER = {"name": "kserve-container", "image": "python:3.11"}
KEY = {"name": "K", "valueFrom": {"secretKeyRef": {"name": "model-storage", "key": "AWS_SECRET_ACCESS_KEY"}}}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (service(transformer={"containers": [CONTAINER]}), "one predictor with spec.predictor.model"),
        (service(predictor={"containers": [CONTAINER]}), "the runtime defines the pod"),
        (service(predictor={"initContainers": [CONTAINER]}), "the runtime defines the pod"),
        (service(predictor={"nodeName": "plinth-default"}), "the runtime defines the pod"),
        (
            service(predictor={"volumes": [{"name": "k", "secret": {"secretName": "model-storage"}}]}),
            "the runtime defines the pod",
        ),
        (service(model={"image": "python:3.11"}), "the runtime defines the program"),
        (service(model={"command": ["sh"]}), "the runtime defines the program"),
        (service(model={"env": [KEY]}), "the runtime defines the program"),
        (service(predictor={"serviceAccountName": "kserve"}), "is one of model-storage, default"),
        (service(model={"runtime": "triton"}), "is none of the platform's"),
        (service(model={"storageUri": "s3://mlpipeline/model"}), "is not below s3://mlflow/"),
        (service(model={"storageUri": "https://plinth.example/model.tar.gz"}), "is not below s3://mlflow/"),
        (service(model={"storageUri": "s3://mlflow/../mlpipeline/model"}), "is not below s3://mlflow/"),
        (service(model={"storageUri": "s3://mlflow/workspaces/research/1/m"}), "is of another namespace"),
    ],
)
def test_it_is_refused(objects: Any, endpoints: Endpoints, body: Any, reason: str) -> None:
    with pytest.raises(ApiException) as refused:
        create(objects, endpoints, body)
    assert reason in str(refused.value.body)


@pytest.mark.parametrize(
    "body",
    [
        service(),
        service(model={"storageUri": "s3://mlflow/workspaces/default/1/models/m-1/artifacts"}),
        service(predictor={"serviceAccountName": "model-storage", "minReplicas": 1}),
        service(model={"env": [{"name": "A", "value": "b"}], "resources": {"limits": {"memory": "2Gi"}}}),
    ],
)
def test_an_ordinary_service_is_admitted(objects: Any, endpoints: Endpoints, body: Any) -> None:
    create(objects, endpoints, body)


def test_what_is_served_passes_with_every_runtime_that_it_names(objects: Any, endpoints: Endpoints) -> None:
    place = (*_KIND, endpoints.models_namespace, "inferenceservices")
    served: Any = objects.list_namespaced_custom_object(*place)["items"]
    assert served
    for each in served:
        body = copy.deepcopy(each)
        body["metadata"] = {"name": "admission"}
        create(objects, endpoints, body)
