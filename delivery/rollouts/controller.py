"""The loop: what rollouts ask for and what is seen becomes weights of routes, aliases and statuses.

Everything that it knows is in the objects: whoever restarts it, at whatever moment, loses nothing but the
answers that were counted since the last tick.
"""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from delivery.experiments.experiment_watch import ExperimentWatch
from delivery.proofs.replays import Replays
from delivery.rollouts import comparisons
from delivery.rollouts.audit import record_of
from delivery.rollouts.cluster import Cluster
from delivery.rollouts.decisions import Decision, decide
from delivery.rollouts.observer import Observer, Reading
from delivery.rollouts.records import Rollout, Status
from delivery.rollouts.registry import CHAMPION, PREVIOUS, Registry
from delivery.rollouts.settings import Settings
from workloads.serving import model_route
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import ENDED, Phase

_LOGGER = logging.getLogger("delivery")
_DRAIN_SECONDS: Final = 10
"""A gateway needs a moment to learn of new weights; a version that is gone before that fails its requests."""
_KEPT: Final = 10
"""Rollouts of a model that have ended and are kept; what they decided is on record elsewhere."""


class Controller:
    """Reconciles the models of every namespace of the settings."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        replays: Replays | None = None,
        experiments: ExperimentWatch | None = None,
    ) -> None:
        """Begin without having seen anything.

        Args:
            settings: What the stack has chosen.
            cluster: The objects.
            replays: Recorded rows; None where nothing is recorded.
            experiments: Labelled rows of experiments; None where nothing is recorded.
        """
        self._settings = settings
        self._cluster = cluster
        self._registries = {name: Registry(url) for name, url in settings.tracking.items()}
        self._observer = Observer(settings, cluster, self._registries, replays, experiments)
        self._idle: dict[tuple[str, str], float] = {}

    def tick(self, seconds: float) -> None:
        """Do what is due in every namespace.

        Args:
            seconds: Since the last tick.
        """
        # Once a tick at most, and only while a rollout progresses, whose first answers never count.
        answers = cache(self._observer.answers)
        for namespace in self._settings.tracking:
            try:
                self._reconcile(namespace, seconds, answers)
            except Exception:
                # The other namespaces are not to wait for this one; the next tick tries again.
                _LOGGER.exception("namespace %s: not reconciled", namespace)

    def _reconcile(self, namespace: str, seconds: float, answers: Reading) -> None:
        found = [
            Rollout.from_object(each, self._settings.defaults) for each in self._cluster.rollouts(namespace)
        ]
        versions, routes = self._cluster.versions(namespace), self._cluster.routes(namespace)
        by_model: dict[str, list[Rollout]] = {}
        for each in sorted(found, key=lambda rollout: (rollout.created, rollout.name)):
            by_model.setdefault(each.model_name, []).append(each)
        for model_name in routes.keys() - by_model.keys():
            self._cluster.delete_route(namespace, model_name)
        for model_name, rollouts in by_model.items():
            route = routes.get(model_name)
            now, weights = self._advance(namespace, rollouts, versions, route, seconds, answers)
            # Also those that the route still has: nothing that gets requests is deleted, whoever gave them.
            used = {*weights, *(model_route.versions(route, model_name) if route else ())}
            self._drain(namespace, now, versions, used, seconds)
            for each in now:
                if each.ended and not each.status.recorded:
                    self._record(namespace, each, now)
            for old in [each for each in now if each.ended and each.status.recorded][:-_KEPT]:
                self._cluster.delete_rollout(namespace, old.name)

    def _advance(
        self,
        namespace: str,
        rollouts: Sequence[Rollout],
        versions: Mapping[str, dict[str, Any]],
        route: Mapping[str, Any] | None,
        seconds: float,
        answers: Reading,
    ) -> tuple[Sequence[Rollout], Mapping[str, int]]:
        """Take a model's oldest rollout that has not ended one tick further.

        Returns:
            The rollouts as they are now, and the weights of the model's versions.
        """
        model_name = rollouts[0].model_name
        ended = [each for each in rollouts if each.ended]
        serving = next((each.serving_version for each in reversed(ended) if each.serving_version), "")
        under_way = [each for each in rollouts if not each.ended]
        if not under_way:
            weights = {serving: 100} if serving else {}
            self._set_route(namespace, model_name, weights, route)
            return rollouts, weights
        first, *waiting = under_way
        for each in waiting:
            reason = f"waits for rollout {first.name}"
            if each.status.reason != reason:
                status = replace(each.status, reason=reason)
                self._cluster.write_status(namespace, each.name, status.to_json())
        seen = self._observer.observe(
            namespace,
            first,
            versions,
            serving=serving,
            has_served=any(
                each.version == first.version and each.status.phase is Phase.PROMOTED for each in ended
            ),
            seconds=seconds,
            answers=answers,
        )
        decision = decide(first, seen)
        now = replace(first, status=self._carry_out(namespace, first, decision, route))
        return [now if each is first else each for each in rollouts], decision.weights

    def _carry_out(
        self, namespace: str, rollout: Rollout, decision: Decision, route: Mapping[str, Any] | None
    ) -> Status:
        """Write what was decided: weights first, so that no alias names a version that does not serve.

        Returns:
            The status as it is now.
        """
        status = decision.status
        if status.phase is not rollout.status.phase or status.weight != rollout.status.weight:
            _LOGGER.info(
                "rollout %s: %s, %d %%: %s", rollout.name, status.phase, status.weight, status.reason
            )
        self._set_route(namespace, rollout.model_name, decision.weights, route, decision.by_units)
        status = comparisons.with_begin(rollout, status, datetime.now(UTC))
        if status.phase is Phase.BAKING and rollout.status.phase is not Phase.BAKING:
            self._cluster.delete_unversioned(namespace, rollout.model_name)
        if decision.champion is not None:
            self._set_aliases(namespace, rollout.model_name, decision.champion, status.stable_version)
        if status.phase in ENDED:
            status = replace(status, ended_at=datetime.now(UTC).isoformat(timespec="seconds"))
        if status != rollout.status:
            self._cluster.write_status(namespace, rollout.name, status.to_json())
        return status

    def _set_route(
        self,
        namespace: str,
        model_name: str,
        weights: Mapping[str, int],
        route: Mapping[str, Any] | None,
        by_units: str = "",
    ) -> None:
        """Give a model's route these weights, whoever has changed it."""
        if not weights:
            return
        settings = self._settings
        host = settings.model_host(namespace, model_name)
        wanted = model_route.route(namespace, host, settings.gateway, model_name, weights, by_units)
        if route is None:
            self._cluster.create_route(namespace, wanted)
        elif not _contains(route["spec"], wanted["spec"]):
            if model_route.weights(route, model_name) == dict(weights):
                _LOGGER.warning("route of %s: was changed by somebody else; it is put back", model_name)
            self._cluster.replace_route(namespace, wanted)

    def _set_aliases(self, namespace: str, model_name: str, champion: str, former: str) -> None:
        """Name the champion and the one before it; what the registry does not take is tried again."""
        registry = self._registries[namespace]
        if registry.set_alias(model_name, CHAMPION, champion) and former not in ("", champion):
            registry.set_alias(model_name, PREVIOUS, former)

    def _record(self, namespace: str, rollout: Rollout, rollouts: Sequence[Rollout]) -> None:
        """Put the end of a rollout on record; a registry that is away gets it later."""
        record, registry = record_of(rollout, rollouts), self._registries[namespace]
        if registry.keep(record) and registry.tag(record):
            status = replace(rollout.status, recorded=True)
            self._cluster.write_status(namespace, rollout.name, status.to_json())

    def _drain(
        self,
        namespace: str,
        rollouts: Sequence[Rollout],
        versions: Mapping[str, dict[str, Any]],
        used: Set[str],
        seconds: float,
    ) -> None:
        """Delete versions that no rollout needs any more, once they have had no requests for a while."""
        model_name = rollouts[0].model_name
        for version in _not_needed(rollouts) - used:
            service = version_service(model_name, version)
            if service not in versions:
                self._idle.pop((namespace, service), None)
                continue
            idle = self._idle.get((namespace, service), 0) + seconds
            self._idle[namespace, service] = idle
            if idle >= _DRAIN_SECONDS:
                _LOGGER.info("version %s of %s: deleted", version, model_name)
                self._cluster.delete_version(namespace, model_name, version)


def _not_needed(rollouts: Sequence[Rollout]) -> set[str]:
    """Return versions that were rolled back or replaced, and are in no rollout under way.

    A version without any rollout is a candidate: whoever deployed it decides.
    """
    needed = {
        name for each in rollouts if not each.ended for name in (each.version, each.status.stable_version)
    }
    known = {name for each in rollouts if each.ended for name in (each.version, each.status.stable_version)}
    return known - needed - {""}


def _contains(found: Any, wanted: Any) -> bool:
    """Return whether an object of the API is as it is wanted, but for defaults that the server has added."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and _contains(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_contains(*pair) for pair in zip(found, wanted, strict=True))
        )
    return found == wanted
