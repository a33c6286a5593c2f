"""What is seen of a rollout at one tick: its version, the gateway's counters, and the registry."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import requests

from delivery.experiments import verdicts
from delivery.experiments.experiment_watch import ExperimentWatch
from delivery.experiments.records import Measured
from delivery.proofs.comparison import Replayed
from delivery.proofs.golden_proofs import GoldenProofs
from delivery.proofs.predictors import NoAnswerError, Predictors
from delivery.proofs.replays import Replays
from delivery.rollouts import comparisons
from delivery.rollouts.cluster import Cluster
from delivery.rollouts.decisions import Observation, Readiness
from delivery.rollouts.gateway_counters import Answers, GatewayCounters
from delivery.rollouts.records import Counts, Kind, Rollout
from delivery.rollouts.registry import Registry
from delivery.rollouts.settings import METRICS_URL, Settings
from delivery.version import Version
from workloads.serving import model_route
from workloads.serving.experiment_request import needed
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import BEFORE_CALLERS, Phase

_LOGGER = logging.getLogger("delivery")
_SECONDS: Final = 3
_NOTHING_RECORDED: Final = "nothing is recorded: payloads are not enabled"
Reading = Callable[[], Mapping[str, Answers] | None]
"""Reads what each Service has answered since the last reading; None if there is nothing to compare with."""


class Observer:
    """Looks, and changes nothing."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        registries: Mapping[str, Registry],
        replays: Replays | None,
        experiments: ExperimentWatch | None = None,
    ) -> None:
        """Begin without having seen anything; without replays, or experiments, nothing is recorded."""
        self._settings = settings
        self._cluster = cluster
        self._registries = registries
        self._replays = replays
        self._experiments = experiments
        self._counters = GatewayCounters()
        self._predictors = Predictors(settings.predictor_url, cluster)
        self._golden = GoldenProofs(self._predictors, are_offered=settings.are_pages_offered)
        self._session = requests.Session()
        self._session.trust_env = False

    def observe(
        self,
        namespace: str,
        rollout: Rollout,
        versions: Mapping[str, dict[str, Any]],
        *,
        serving: str,
        has_served: bool,
        seconds: float,
        answers: Reading,
    ) -> Observation:
        """Return what is seen of a rollout.

        Args:
            namespace: Of the models.
            rollout: The rollout.
            versions: InferenceServices of the namespace, by name.
            serving: Version that gets the requests while no rollout of the model is under way.
            has_served: Whether an earlier rollout of its version ended with its promotion.
            seconds: Since the last tick.
            answers: Reads the gateway.
        """
        service = versions.get(version_service(rollout.model_name, rollout.version))
        canary, says = self._readiness(namespace, rollout, service)
        stable = versions.get(version_service(rollout.model_name, rollout.status.stable_version))
        seen, histograms = None, None
        if rollout.status.phase is Phase.PROGRESSING and (found := answers()) is not None:
            seen, histograms = counted(namespace, rollout, found)
        golden, replayed = None, None
        if canary is Readiness.READY:
            golden = self._golden.check(
                rollout.name,
                _version(namespace, rollout, rollout.version),
                seconds,
                is_proven=rollout.status.condition(Kind.GOLDEN_ROWS) is not None,
            )
            replayed = self._replayed(namespace, rollout)
        return Observation(
            seconds=seconds,
            canary=canary,
            canary_says=says,
            golden=golden,
            replayed=replayed,
            has_served=has_served,
            serving=serving,
            stable_ready=stable is not None and _is_ready(stable),
            seen=seen,
            histograms=histograms,
            champion=self._registries[namespace].champion(rollout.model_name),
            unfit=self._unfit(namespace, rollout, serving, canary),
            needed=self._needed(namespace, rollout, serving),
            measured=self._measured(namespace, rollout),
        )

    def answers(self) -> Mapping[str, Answers] | None:
        """Read the gateway's pods; None where there are none, or nothing to compare with yet."""
        if not self._settings.gateway_pods:
            return None
        try:
            pods = self._cluster.pods(self._settings.gateway["namespace"], self._settings.gateway_pods)
            readings = {
                uid: self._session.get(METRICS_URL.format(address=address), timeout=_SECONDS).text
                for uid, address in pods.items()
            }
        except Exception as error:
            _LOGGER.warning("the gateway's counters were not read (%s)", type(error).__name__)
            return None
        return self._counters.advance(readings)

    def _readiness(
        self, namespace: str, rollout: Rollout, service: Mapping[str, Any] | None
    ) -> tuple[Readiness, str]:
        if service is None:
            return Readiness.MISSING, ""
        if not _is_ready(service):
            return Readiness.STARTING, _why_not_ready(service)
        try:
            digest = self._predictors.facts(_version(namespace, rollout, rollout.version)).digest
        except NoAnswerError as error:
            return Readiness.STARTING, str(error)
        return (Readiness.READY, "") if digest == rollout.digest else (Readiness.OTHER_FILES, digest)

    def _replayed(self, namespace: str, rollout: Rollout) -> Replayed | None:
        if self._replays is None:
            return Replayed(without=_NOTHING_RECORDED)
        if rollout.status.phase is not Phase.SHADOW:
            return None
        return self._replays.advance(
            rollout.name,
            stable=_version(namespace, rollout, rollout.status.stable_version),
            canary=_version(namespace, rollout, rollout.version),
            most_rows=rollout.shadow_rows,
        )

    def _unfit(self, namespace: str, rollout: Rollout, serving: str, canary: Readiness) -> str:
        """Return why an experiment cannot be made; what is not known yet is no reason."""
        if rollout.experiment is None or rollout.status.phase not in BEFORE_CALLERS:
            return ""
        former = "" if serving == rollout.version else serving
        payloads = self._settings.payloads
        return verdicts.unfit(
            rollout.experiment,
            is_recorded=self._experiments is not None,
            keep_days=payloads.keep_days if payloads else None,
            classes=self._classes(namespace, rollout, rollout.version) if canary is Readiness.READY else None,
            former=former,
            former_classes=self._classes(namespace, rollout, former) if former else None,
        )

    def _classes(self, namespace: str, rollout: Rollout, version: str) -> Sequence[Any] | None:
        try:
            return self._predictors.facts(_version(namespace, rollout, version)).classes
        except NoAnswerError:
            return None

    def _needed(self, namespace: str, rollout: Rollout, serving: str) -> str:
        is_known = rollout.status.experiment.needed or rollout.status.phase not in BEFORE_CALLERS
        if rollout.experiment is None or is_known or not serving:
            return ""
        figures = self._registries[namespace].figures(rollout.model_name, serving)
        payloads = self._settings.payloads
        rate = payloads.sample_rate if payloads else 1.0
        return needed(rollout.experiment, figures, serving, rate)

    def _measured(self, namespace: str, rollout: Rollout) -> Measured | None:
        if self._experiments is None or not comparisons.is_compared(rollout, rollout.status):
            return None
        return self._experiments.measured(namespace, rollout.name)


def _version(namespace: str, rollout: Rollout, number: str) -> Version:
    return Version(namespace=namespace, model_name=rollout.model_name, number=number)


def counted(
    namespace: str, rollout: Rollout, answers: Mapping[str, Answers]
) -> tuple[Counts, tuple[Sequence[float], Sequence[float]] | None]:
    """Return what both versions of a rollout have answered, and how fast; no histograms if one is idle.

    Args:
        namespace: Of the models.
        rollout: The rollout.
        answers: Service as the gateway names it -> its answers since the last tick.
    """

    def of(version: str) -> Answers:
        prefix = f"{namespace}-{model_route.predictor(rollout.model_name, version)}-"
        found = Answers()
        for name, each in answers.items():
            if name.startswith(prefix):
                found = found.plus(each)
        return found

    canary, stable = of(rollout.version), of(rollout.status.stable_version)
    counts = Counts(
        weight=rollout.status.weight,
        canary=canary.total,
        canary_failed=canary.failed,
        stable=stable.total,
        stable_failed=stable.failed,
    )
    bounds = sorted(canary.buckets)
    if not bounds or bounds != sorted(stable.buckets):
        return counts, None
    return counts, ([canary.buckets[each] for each in bounds], [stable.buckets[each] for each in bounds])


def _is_ready(service: Mapping[str, Any]) -> bool:
    return _conditions(service).get("Ready", {}).get("status") == "True"


def _why_not_ready(service: Mapping[str, Any]) -> str:
    """Return what KServe says about a service that is not ready."""
    said = [each["message"] for each in _conditions(service).values() if each.get("message")]
    failure = service.get("status", {}).get("modelStatus", {}).get("lastFailureInfo", {}).get("message", "")
    return " ".join((failure or "; ".join(said)).split())


def _conditions(service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in service.get("status", {}).get("conditions", [])}
