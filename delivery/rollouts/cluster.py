"""The objects of the Kubernetes API that the controller reads and writes."""

# kubernetes ships no complete types.
# pyright: basic

from collections.abc import Mapping
from typing import Any, Final

from kubernetes import client

from delivery.version import Version
from workloads.contract import MODEL_LABEL, ROLLOUT_API, ROLLOUTS
from workloads.serving import model_route
from workloads.serving.inference_service import version_service
from workloads.serving.served_version import annotation

_SERVICES: Final = ("serving.kserve.io", "v1beta1")
_SECONDS: Final = 10
_GONE: Final = 404


class Cluster:
    """Access to rollouts, InferenceServices and routes of models in any namespace."""

    def __init__(self, api_client: Any) -> None:
        """Use this client; nothing is sent yet."""
        self._objects: Any = client.CustomObjectsApi(api_client)
        self._core: Any = client.CoreV1Api(api_client)

    def rollouts(self, namespace: str) -> list[dict[str, Any]]:
        """Return all ModelRollouts."""
        return self._list(ROLLOUT_API, namespace, ROLLOUTS)

    def versions(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Return the InferenceService of each version of a model, by name."""
        found = self._list(_SERVICES, namespace, "inferenceservices", MODEL_LABEL)
        return {each["metadata"]["name"]: each for each in found}

    def routes(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Return the routes of models, by model."""
        selector = ",".join(f"{key}={value}" for key, value in model_route.MANAGER.items())
        found = self._list(model_route.API, namespace, model_route.PLURAL, selector)
        return {each["metadata"]["labels"].get(MODEL_LABEL, ""): each for each in found}

    def serving(self, namespace: str) -> list[Version]:
        """Return the versions that get requests, of every model."""
        return [
            Version(namespace=namespace, model_name=model_name, number=number)
            for model_name, route in self.routes(namespace).items()
            for number, weight in model_route.weights(route, model_name).items()
            if weight
        ]

    def write_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        """Replace the status of a rollout; one that is gone is fine."""
        try:
            self._objects.patch_namespaced_custom_object_status(
                *ROLLOUT_API, namespace, ROLLOUTS, name, {"status": status}, _request_timeout=_SECONDS
            )
        except client.ApiException as error:
            if error.status != _GONE:
                raise

    def delete_rollout(self, namespace: str, name: str) -> None:
        """Delete a rollout; one that is gone is fine."""
        self._delete(ROLLOUT_API, namespace, ROLLOUTS, name)

    def delete_version(self, namespace: str, model_name: str, version: str) -> None:
        """Delete the InferenceService of a version; one that is gone is fine."""
        self._delete(_SERVICES, namespace, "inferenceservices", version_service(model_name, version))

    def delete_unversioned(self, namespace: str, model_name: str) -> None:
        """Delete the InferenceService that a pipeline of an earlier release named after the model itself.

        Its route has the model's host. One of somebody else, without a pipeline's record, is left alone.
        """
        try:
            found = self._objects.get_namespaced_custom_object(
                *_SERVICES, namespace, "inferenceservices", model_name, _request_timeout=_SECONDS
            )
        except client.ApiException as error:
            if error.status != _GONE:
                raise
            return
        if annotation("model_digest") in (found["metadata"].get("annotations") or {}):
            self._delete(_SERVICES, namespace, "inferenceservices", model_name)

    def delete_route(self, namespace: str, model_name: str) -> None:
        """Delete the route of a model; one that is gone is fine."""
        self._delete(model_route.API, namespace, model_route.PLURAL, model_route.name(model_name))

    def create_route(self, namespace: str, route: Mapping[str, Any]) -> None:
        """Create the route of a model."""
        self._objects.create_namespaced_custom_object(
            *model_route.API, namespace, model_route.PLURAL, route, _request_timeout=_SECONDS
        )

    def replace_route(self, namespace: str, route: Mapping[str, Any]) -> None:
        """Give an existing route its labels and the whole of its spec again."""
        self._objects.patch_namespaced_custom_object(
            *model_route.API,
            namespace,
            model_route.PLURAL,
            route["metadata"]["name"],
            {"metadata": {"labels": route["metadata"]["labels"]}, "spec": route["spec"]},
            _request_timeout=_SECONDS,
        )

    def pods(self, namespace: str, selector: str) -> dict[str, str]:
        """Return the address of each running pod, by its uid."""
        found = self._core.list_namespaced_pod(namespace, label_selector=selector, _request_timeout=_SECONDS)
        return {each.metadata.uid: each.status.pod_ip for each in found.items if each.status.pod_ip}

    def pods_of(self, version: Version) -> dict[str, str]:
        """Return the address of each running pod of a version, by its uid."""
        service = version_service(version.model_name, version.number)
        return self.pods(version.namespace, f"serving.kserve.io/inferenceservice={service}")

    def _list(
        self, api: tuple[str, str], namespace: str, plural: str, selector: str = ""
    ) -> list[dict[str, Any]]:
        found = self._objects.list_namespaced_custom_object(
            *api, namespace, plural, label_selector=selector, _request_timeout=_SECONDS
        )
        return found["items"]

    def _delete(self, api: tuple[str, str], namespace: str, plural: str, name: str) -> None:
        try:
            self._objects.delete_namespaced_custom_object(
                *api, namespace, plural, name, _request_timeout=_SECONDS
            )
        except client.ApiException as error:
            if error.status != _GONE:
                raise
