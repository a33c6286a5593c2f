"""Access to the InferenceServices of a platform, and to the versions of models that they serve."""

from collections.abc import Mapping
from typing import Any, Final, cast

from kubernetes import client

from workloads import cluster_client
from workloads.contract import MODEL_LABEL
from workloads.endpoints import Endpoints
from workloads.serving import model_route
from workloads.serving.inference_service import API_VERSION, version_service
from workloads.serving.served_version import ServedVersion

_GROUP, _, _VERSION = API_VERSION.partition("/")
_PLURAL: Final = "inferenceservices"


class InferenceServices:
    """The InferenceServices in the models namespace of one platform."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Open a client; nothing is sent yet."""
        self._api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
        self._place = (_GROUP, _VERSION, endpoints.models_namespace, _PLURAL)

    def get(self, name: str) -> dict[str, Any] | None:
        """Return one service, or None if it does not exist."""
        try:
            return cast("dict[str, Any]", self._api.get_namespaced_custom_object(*self._place, name))
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def of_model(self, model_name: str) -> dict[str, Any] | None:
        """Return the service of the version that gets a model's requests, most of them during a rollout."""
        weights = self.weights(model_name)
        version = max(weights, key=lambda each: weights[each], default=None)
        return None if version is None else self.get(version_service(model_name, version))

    def versions_of(self, model_name: str) -> list[dict[str, Any]]:
        """Return the services of all versions of a model that run, whether or not they get requests."""
        found = self._api.list_namespaced_custom_object(
            *self._place, label_selector=f"{MODEL_LABEL}={model_name}"
        )
        return cast("list[dict[str, Any]]", found["items"])

    def weights(self, model_name: str) -> dict[str, int]:
        """Return version -> share of a model's requests, in percent; empty for a model without a route."""
        place = (*model_route.API, self._place[2], model_route.PLURAL)
        try:
            route = self._api.get_namespaced_custom_object(*place, model_route.name(model_name))
        except client.ApiException as error:
            if error.status == 404:
                return {}
            raise
        return model_route.weights(route, model_name)

    def list(self) -> list[dict[str, Any]]:
        """Return all services."""
        return cast("list[dict[str, Any]]", self._api.list_namespaced_custom_object(*self._place)["items"])

    def create_or_patch(self, service: Mapping[str, Any]) -> None:
        """Create a service, or patch the existing one, whose old pods answer until new ones are ready."""
        try:
            self._api.patch_namespaced_custom_object(*self._place, service["metadata"]["name"], service)
        except client.ApiException as error:
            if error.status != 404:
                raise
            self._api.create_namespaced_custom_object(*self._place, service)

    def delete(self, name: str) -> None:
        """Delete a service; one that does not exist is fine."""
        try:
            self._api.delete_namespaced_custom_object(*self._place, name)
        except client.ApiException as error:
            if error.status != 404:
                raise


def version_of(service: Mapping[str, Any]) -> ServedVersion:
    """Return the model version that a service's annotations record.

    Raises:
        WorkloadsError: the service was not deployed by a pipeline.
    """
    return ServedVersion.from_annotations(service["metadata"].get("annotations") or {})


def is_ready(service: Mapping[str, Any]) -> bool:
    """Return whether the condition Ready of a service is true."""
    return conditions(service).get("Ready") == "True"


def conditions(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the status of each condition of a service, by its type."""
    found = service.get("status", {}).get("conditions", [])
    return {each["type"]: each["status"] for each in found}
