"""A small client of the Kubernetes API that takes and returns plain objects."""

import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]
_PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
_WRITERS = 8


class RefusedError(Exception):
    """The API server refused a request; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


class Api:
    """An API server, as one user."""

    def __init__(self, server: str, *, authority: Path, certificate: Path, key: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        self._client = httpx.Client(base_url=server, verify=context, timeout=60)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def request(self, method: str, path: str, **arguments: Any) -> Object:
        """Send one request.

        Raises:
            RefusedError: the server answered with an error.
        """
        response = self._client.request(method, path, **arguments)
        try:
            body = response.json()
        except ValueError:
            body = {"message": response.text}
        if response.is_error:
            raise RefusedError(response.status_code, f"{method} {path}: {body.get('message', body)}")
        return body

    def is_ready(self) -> bool:
        """Return whether the API server answers requests."""
        try:
            return self._client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Object:
        """Return one object."""
        return self.request("GET", path)

    def items(self, path: str, **query: str) -> list[Object]:
        """Return the objects of a list."""
        return self.request("GET", path, params=query)["items"]

    def create(self, manifest: Mapping[str, Any]) -> Object:
        """Create one object in the list of its kind and namespace."""
        return self.request("POST", collection(manifest), json=manifest)

    def create_all(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Create many objects, several at a time."""
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            list(pool.map(self.create, manifests))

    def patch(self, path: str, change: object, kind: str = "merge") -> Object:
        """Change one object."""
        headers = {"Content-Type": _PATCHES[kind]}
        return self.request("PATCH", path, content=json.dumps(change), headers=headers)

    def delete_all(self, path: str) -> None:
        """Delete every object of a list and what it owns, several at a time.

        The API server can do it in one request, but deletes them one by one and times out after a minute.
        """
        names = [each["metadata"]["name"] for each in self.items(path)]
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            list(pool.map(lambda name: self._delete(f"{path}/{name}"), names))

    def _delete(self, path: str) -> None:
        try:
            # Without it a Job would leave behind what it owns.
            options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
            self.request("DELETE", path, json=options)
        except RefusedError as error:
            # A controller may have deleted it first.
            if error.status != HTTPStatus.NOT_FOUND:
                raise


def collection(manifest: Mapping[str, Any]) -> str:
    """Return the path of the list that an object belongs to."""
    version: str = manifest["apiVersion"]
    kind: str = manifest["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = manifest["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def condition(subject: Object, kind: str) -> Object:
    """Return one condition of an object's status; empty if it has none."""
    conditions: Sequence[Object] = subject.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})
