"""Access to the ModelRollouts of a platform."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from kubernetes import client

from terminal import answers
from workloads import cluster_client
from workloads.contract import ROLLOUT_API, ROLLOUTS
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import (
    ENDED,
    Phase,
    rollout_body,
    rollout_phase,
    rollout_reason,
)
from workloads.wait import wait

_INTERVAL: Final = 0.5


class ModelRollouts:
    """The ModelRollouts in the models namespace of one platform."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Open a client; nothing is sent yet."""
        self._client: Any = cluster_client.connect(endpoints.kubeconfig)
        self._api: Any = client.CustomObjectsApi(self._client)
        self._namespace = endpoints.models_namespace
        self._place = (*ROLLOUT_API, endpoints.models_namespace, ROLLOUTS)

    def get(self, name: str) -> dict[str, Any]:
        """Return one rollout.

        Raises:
            WorkloadsError: it does not exist, or this kubeconfig's user may not read it.
        """
        try:
            return cast("dict[str, Any]", self._api.get_namespaced_custom_object(*self._place, name))
        except client.ApiException as error:
            if error.status == 404:
                raise WorkloadsError(f"rollout {name}: does not exist any more") from None
            if error.status == 403:
                raise WorkloadsError(f"rollout {name}: {answers.message(error)}") from None
            raise

    def of_model(self, model_name: str) -> list[dict[str, Any]]:
        """Return the rollouts of a model, the oldest first."""
        found: Any = self._api.list_namespaced_custom_object(*self._place)
        own = [each for each in found["items"] if each["spec"]["modelName"] == model_name]
        return sorted(own, key=lambda each: each["metadata"]["creationTimestamp"])

    def versions_of(self, model_name: str) -> set[str]:
        """Return every version of a model that a rollout names, also as the one before it."""
        return {
            version
            for each in self.of_model(model_name)
            for version in (each["spec"]["version"], each.get("status", {}).get("stableVersion", ""))
            if version
        }

    def current(self, model_name: str) -> dict[str, Any]:
        """Return the rollout of a model that is under way, or the newest if none is.

        Raises:
            WorkloadsError: it has none.
        """
        found = self.of_model(model_name)
        if not found:
            raise WorkloadsError(f"model {model_name}: has no rollout")
        return next((each for each in found if rollout_phase(each) not in ENDED), found[-1])

    def create(
        self,
        model_name: str,
        version: str,
        digest: str,
        *,
        reason: str,
        steps: Sequence[Mapping[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """Ask for a rollout and return its name; arguments as for `rollout_body`.

        Raises:
            WorkloadsError: the API server refuses it.
        """
        name = f"{version_service(model_name, version)}-{secrets.token_hex(3)}"
        body = rollout_body(
            name,
            self._namespace,
            model_name=model_name,
            version=version,
            digest=digest,
            reason=reason,
            steps=steps,
            options=options,
        )
        self._write(lambda: self._api.create_namespaced_custom_object(*self._place, body), name)
        return name

    def abort(self, name: str) -> None:
        """Ask for the end of a rollout; the version before it then gets every request again."""
        self._patch(name, {"abort": True})

    def approve(self, name: str) -> None:
        """Let a rollout that waits for approval go on, in the name of this kubeconfig's user."""
        review: Any = client.AuthenticationV1Api(self._client).create_self_subject_review({})
        self._patch(name, {"approval": {"by": review.status.user_info.username}})

    def wait(
        self,
        name: str,
        phases: Sequence[Phase],
        *,
        timeout_seconds: float,
        show: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Wait until a rollout is in one of these phases and return it.

        Args:
            name: Its name.
            phases: What to wait for.
            timeout_seconds: Bound of the wait.
            show: Gets a line whenever phase or share change.

        Raises:
            WorkloadsError: it ended in another phase, or is in none of these in time.
        """
        shown = ""

        def read() -> dict[str, Any]:
            nonlocal shown
            found = self.get(name)
            line = summary(found)
            if show and line != shown:
                show(line)
            shown = line
            return found

        def ended_otherwise(rollout: dict[str, Any]) -> str | None:
            phase = rollout_phase(rollout)
            return rollout_reason(rollout) if phase in ENDED and phase not in phases else None

        return wait(
            f"rollout {name}",
            read,
            ready=lambda rollout: rollout_phase(rollout) in phases,
            error=ended_otherwise,
            describe=rollout_reason,
            timeout_seconds=timeout_seconds,
            interval_seconds=_INTERVAL,
        )

    def _patch(self, name: str, spec: Mapping[str, Any]) -> None:
        self.get(name)
        self._write(
            lambda: self._api.patch_namespaced_custom_object(*self._place, name, {"spec": spec}), name
        )

    def _write(self, write: Callable[[], object], name: str) -> None:
        try:
            write()
        except client.ApiException as error:
            if error.status not in (403, 404, 409, 422):
                raise
            raise WorkloadsError(f"rollout {name}: {answers.message(error)}") from None


def summary(rollout: Mapping[str, Any]) -> str:
    """Return a line of where a rollout is."""
    status = rollout.get("status", {})
    return f"{rollout_phase(rollout)}, {status.get('weight', 0)} % of requests: {rollout_reason(rollout)}"
