"""Features that privacy excludes: no object of the bucket of payloads has a value of them, or their name."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client

from tests.e2e import labelled, rolling
from tests.e2e.recorded import contents_since, wait_until_stored
from tests.e2e.rolling import MODEL
from tests.fixtures.admission_cases import SERVICE_API
from workloads import cluster_client, object_store
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import version_service
from workloads.wait import wait_for

# Its model gets a new pod twice.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_RUNTIMES = ("serving.kserve.io", "v1alpha1", "clusterservingruntimes")
_EXCLUDED, _KEPT = "alcohol", "magnesium"
_READY_SECONDS = 180
# Values as wine has them, so that versions agree about these rows too, and that no other row has.
_OF_EXCLUDED, _OF_KEPT = 13.0123456, 101.0123456
_REQUESTS = 20


@pytest.fixture(scope="module")
def wine() -> Any:
    """The rows of wine, with the names of their features."""
    from sklearn.datasets import load_wine

    return load_wine()


@contextmanager
def _excluding(endpoints: Endpoints, version: str, feature: str) -> Generator[None]:
    """Record all but one feature of a version, as in a stack that excludes it.

    Whoever deploys a model cannot choose that: it is in the runtime.
    """
    connected = cluster_client.connect(endpoints.kubeconfig)
    api: Any = client.CustomObjectsApi(connected)
    service = version_service(MODEL, version)
    own = (*SERVICE_API, endpoints.models_namespace, "inferenceservices", service)
    runtime = api.get_namespaced_custom_object(*own)["spec"]["predictor"]["model"]["runtime"]
    place = (*_RUNTIMES, runtime)
    former: list[str] = api.get_cluster_custom_object(*place)["spec"]["containers"][0]["args"]

    def record(arguments: list[str]) -> None:
        containers = api.get_cluster_custom_object(*place)["spec"]["containers"]
        changed = [{**containers[0], "args": arguments}, *containers[1:]]
        api.patch_cluster_custom_object(*place, {"spec": {"containers": changed}})
        # KServe reads the runtime when the service changes.
        touched = {"metadata": {"annotations": {"test": f"{len(arguments)} arguments"}}}
        api.patch_namespaced_custom_object(*own, touched)
        _wait_for_pod(client.CoreV1Api(connected), endpoints.models_namespace, service, arguments[-1])

    try:
        record([*former, f"--record_excluded_features={feature}"])
        yield
    finally:
        record(former)


def _wait_for_pod(pods: Any, namespace: str, service: str, last: str) -> None:
    """Wait until the one pod of a service is ready and its server has this last argument of its own."""

    def replaced() -> str | None:
        found = pods.list_namespaced_pod(
            namespace, label_selector=f"serving.kserve.io/inferenceservice={service}"
        ).items
        given = [pod.spec.containers[0].args[-1] == last for pod in found]
        ready = [
            each.status == "True"
            for pod in found
            for each in pod.status.conditions or []
            if each.type == "Ready"
        ]
        return None if given == [True] and ready == [True] else f"{len(found)} pods: {given}, {ready}"

    wait_for(f"the new pod of {service}", replaced, timeout_seconds=_READY_SECONDS, interval_seconds=1)


def test_an_excluded_feature_is_in_no_byte_of_the_bucket(endpoints: Endpoints, wine: Any) -> None:
    version = rolling.serving(endpoints)
    names: list[str] = wine.feature_names
    rows = wine.data[:_REQUESTS].copy()
    rows[:, names.index(_EXCLUDED)] = _OF_EXCLUDED
    rows[:, names.index(_KEPT)] = _OF_KEPT
    # The model takes the feature as before: its answers are those of an unrecorded model.
    before = InferenceClient(endpoints, MODEL).predict_v1(rows.tolist())
    with _excluding(endpoints, version, _EXCLUDED):
        assert InferenceClient(endpoints, MODEL).predict_v1(rows.tolist()) == before
        began = datetime.now(UTC)
        asked = {each.identity for each in labelled.ask(endpoints, rows.tolist(), _REQUESTS)}
        assert len(wait_until_stored(endpoints, MODEL, [version], asked, began)) == _REQUESTS
        store = object_store.payloads_store(endpoints)
        contents = [*contents_since(store, began + timedelta(seconds=2))]
    found = [each for each in contents if str(_OF_KEPT).encode() in each]
    assert found
    assert _KEPT.encode() in found[0]
    for value in (str(_OF_EXCLUDED), _EXCLUDED):
        assert not [each for each in contents if value.encode() in each], value
