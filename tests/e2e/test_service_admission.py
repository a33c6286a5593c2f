"""An InferenceService serves a model of the platform in a runtime of the platform, whoever creates it."""

import copy
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.fixtures.admission_cases import ADMITTED_SERVICES, REFUSED_SERVICES, SERVICE_API
from workloads import cluster_client
from workloads.endpoints import Endpoints


@pytest.fixture(scope="module")
def objects(endpoints: Endpoints) -> Any:
    return client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))


def create(objects: Any, endpoints: Endpoints, body: Any) -> None:
    place = (*SERVICE_API, endpoints.models_namespace, "inferenceservices")
    objects.create_namespaced_custom_object(*place, body, dry_run="All")


@pytest.mark.parametrize(("body", "reason"), REFUSED_SERVICES)
def test_it_is_refused(objects: Any, endpoints: Endpoints, body: Any, reason: str) -> None:
    with pytest.raises(ApiException) as refused:
        create(objects, endpoints, body)
    assert reason in str(refused.value.body)


@pytest.mark.parametrize("body", ADMITTED_SERVICES)
def test_an_ordinary_service_is_admitted(objects: Any, endpoints: Endpoints, body: Any) -> None:
    create(objects, endpoints, body)


def test_what_is_served_passes_with_every_runtime_that_it_names(objects: Any, endpoints: Endpoints) -> None:
    place = (*SERVICE_API, endpoints.models_namespace, "inferenceservices")
    served: Any = objects.list_namespaced_custom_object(*place)["items"]
    assert served
    for each in served:
        body = copy.deepcopy(each)
        body["metadata"] = {"name": "admission"}
        create(objects, endpoints, body)
