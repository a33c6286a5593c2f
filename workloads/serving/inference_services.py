"""Access to the InferenceServices of a platform; apart from the pipeline's steps, the only one."""

from collections.abc import Mapping
from typing import Any, Final, cast

from kubernetes import client

from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.serving.inference_service import API_VERSION
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

    def served_version(self, name: str) -> ServedVersion | None:
        """Return the model version that a service was deployed for, or None if the service does not exist.

        Raises:
            WorkloadsError: the service was not deployed by a pipeline.
        """
        service = self.get(name)
        return None if service is None else version_of(service)


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
