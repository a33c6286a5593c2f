"""The round that holds the answers of versions that serve against labels, apart from that of rollouts."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from delivery.experiments.stored_labels import Side
from delivery.proofs.predictors import NoAnswerError, Predictors
from delivery.quality import exposition
from delivery.quality.stored_quality import StoredQuality
from delivery.quality.version_quality import Reference, VersionQuality, reference_of
from delivery.rollouts.cluster import Cluster
from delivery.rollouts.registry import Registry
from delivery.rounds import Rounds
from delivery.version import Version
from workloads.serving.inference_service import version_service

_LOGGER = logging.getLogger("delivery")
_CLASSES: Final = 2
"""Fewest of a version that predicts classes."""


class QualityWatch(Rounds):
    """Counts wrong answers of every version that gets requests; whoever restarts it counts the same ones."""

    name = "quality"
    subject = "quality"
    interval = 30.0
    share_of_time = 0.1
    """The more is recorded, the more seldom it is looked at."""

    def __init__(
        self,
        registries: Mapping[str, Registry],
        tolerance: float,
        cluster: Cluster,
        predictors: Predictors,
        stored: StoredQuality,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin without having seen anything.

        Args:
            registries: Namespace of models -> the registry that has them.
            tolerance: How much lower than on held-back rows the accuracy may be.
            cluster: The objects.
            predictors: Whom to ask for the classes of a version.
            stored: What callers have got, and what was right.
            clock: The time, in UTC.
        """
        super().__init__()
        self._registries = registries
        self._tolerance = tolerance
        self._cluster = cluster
        self._predictors = predictors
        self._stored = stored
        self._clock = clock
        self._found: dict[Version, VersionQuality] = {}
        self._classes: dict[Version, Sequence[Any]] = {}
        self.text = exposition.text({})

    def round(self) -> None:
        """Look at every version that serves, once."""
        since: dict[Version, datetime | None] = {}
        for namespace in self._registries:
            try:
                since.update(self._serving(namespace))
            except Exception as error:
                _LOGGER.warning("quality: routes of %s were not read (%s)", namespace, type(error).__name__)
                # What is known stays: nobody has said that it serves no longer.
                since.update({each: None for each in self._found if each.namespace == namespace})
        for each in (self._found, self._classes):
            for gone in each.keys() - since.keys():
                each.pop(gone)
        self._forget_others(since)
        for version, begin in sorted(since.items(), key=lambda each: each[0]):
            if begin is not None:
                self._look(version, begin)
        self.text = exposition.text(self._found)

    def _serving(self, namespace: str) -> dict[Version, datetime]:
        """Return since when each version serves that gets requests."""
        serving = self._cluster.serving(namespace)
        services = self._cluster.versions(namespace) if serving else {}
        begun = {
            each: services[name]["metadata"]["creationTimestamp"]
            for each in serving
            if (name := version_service(each.model_name, each.number)) in services
        }
        return {each: datetime.fromisoformat(when) for each, when in begun.items()}

    def _look(self, version: Version, begin: datetime) -> None:
        try:
            classes = self._classes_of(version)
            if len(classes) < _CLASSES:
                return
            side = Side(version=version.number, classes=classes)
            window = (begin, self._clock())
            answered = self._stored.measure(version.namespace, version.model_name, side, window)
            self._found[version] = VersionQuality(
                answered=answered, reference=self._reference(version), tolerance=self._tolerance
            )
        except (NoAnswerError, BotoCoreError, ClientError, OSError, ValueError) as error:
            # What was found before stays.
            self._say(version, f"not compared with labels ({type(error).__name__}: {error})")
            return
        self._say(
            version, "labels or requests of an hour are too many, some were left out" * answered.is_full
        )

    def _classes_of(self, version: Version) -> Sequence[Any]:
        if version not in self._classes:
            self._classes[version] = self._predictors.facts(version).classes
        return self._classes[version]

    def _reference(self, version: Version) -> Reference | None:
        known = self._found.get(version)
        if known is not None and known.reference is not None:
            return known.reference
        metrics = self._registries[version.namespace].held_back(version.model_name, version.number)
        return reference_of(metrics, self._tolerance)
