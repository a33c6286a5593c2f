"""The round that reads labels and recorded requests of experiments, apart from that of rollouts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from delivery.experiments import exposition
from delivery.experiments.records import Measured
from delivery.experiments.stored_experiments import StoredExperiments
from delivery.experiments.stored_labels import Side
from delivery.proofs.predictors import NoAnswerError, Predictors
from delivery.rollouts.cluster import Cluster
from delivery.rollouts.records import Defaults, Rollout
from delivery.rounds import Rounds
from delivery.version import Version
from workloads.serving.model_rollout import Phase


class ExperimentWatch(Rounds):
    """Measures every experiment under way; whoever restarts it measures the same rows again."""

    name = "experiments"
    subject = "experiment"
    interval = 10.0
    share_of_time = 0.1
    """The more is recorded, the more seldom it is looked at."""

    def __init__(
        self,
        namespaces: Sequence[str],
        cluster: Cluster,
        predictors: Predictors,
        stored: StoredExperiments,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin without having seen anything.

        Args:
            namespaces: Namespaces of models.
            cluster: The objects.
            predictors: Whom to ask for the classes of a version.
            stored: What callers have sent, and what was right.
            clock: The time, in UTC.
        """
        super().__init__()
        self._namespaces = namespaces
        self._cluster = cluster
        self._predictors = predictors
        self._stored = stored
        self._clock = clock
        self._measured: Mapping[tuple[str, str], Measured] = {}
        self.text = exposition.text([])

    def round(self) -> None:
        """Measure every experiment once."""
        found: dict[tuple[str, str], Measured] = {}
        shown: list[tuple[str, Rollout]] = []
        for namespace in self._namespaces:
            try:
                rollouts = [
                    Rollout.from_object(each, Defaults()) for each in self._cluster.rollouts(namespace)
                ]
            except Exception as error:
                # One namespace is not to keep the others from being read.
                self._say(namespace, f"not read ({type(error).__name__})")
                continue
            for rollout in rollouts:
                if rollout.experiment is None or not rollout.status.experiment.begun_at:
                    continue
                place = (namespace, rollout.name)
                shown.append((namespace, rollout))
                if _is_running(rollout) and (measured := self._measure(namespace, rollout)) is not None:
                    found[place] = measured
        self._measured = found
        self.text = exposition.text(shown)

    def measured(self, namespace: str, rollout: str) -> Measured | None:
        """Return what the last round has found of a rollout's experiment; None if it has not looked."""
        return self._measured.get((namespace, rollout))

    def _measure(self, namespace: str, rollout: Rollout) -> Measured | None:
        if rollout.experiment is None:
            return None
        place = (namespace, rollout.name)
        try:
            sides = [
                Side(
                    version=number,
                    classes=self._predictors.facts(version).classes,
                    is_challenger=number == rollout.version,
                )
                for number in (rollout.version, rollout.status.stable_version)
                for version in [Version(namespace=namespace, model_name=rollout.model_name, number=number)]
            ]
            begun = datetime.fromisoformat(rollout.status.experiment.begun_at)
            measured = self._stored.measure(
                namespace,
                rollout.model_name,
                rollout.experiment.metric,
                (begun, self._clock()),
                challenger=sides[0],
                champion=sides[1],
            )
        except (NoAnswerError, BotoCoreError, ClientError, OSError, ValueError) as error:
            self._say("/".join(place), f"not measured ({type(error).__name__}: {error})")
            return self._measured.get(place)
        self._say("/".join(place), "")
        return measured


def _is_running(rollout: Rollout) -> bool:
    return rollout.status.phase is Phase.PROGRESSING and not rollout.status.experiment.is_over
