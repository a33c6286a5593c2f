"""What experiments have found, as Prometheus reads it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from delivery.experiments.records import Verdict
from delivery.monitoring.exposition import family
from delivery.rollouts.records import Rollout

_HELP: Final = {
    "plinth_experiment_rows": "Labelled rows of a version.",
    "plinth_experiment_units": "Units of a version that have a labelled row.",
    "plinth_experiment_mean": "Mean of the metric over the units of a version.",
    "plinth_experiment_difference_low": "Lower end of the interval of new version minus former one.",
    "plinth_experiment_difference_high": "Upper end of that interval.",
    "plinth_experiment_minimum_effect": "Smallest difference that the experiment is to find.",
    "plinth_experiment_verdict": "1 for the verdict that an experiment has, 0 for the others.",
}
_Sample = tuple[Mapping[str, str], float]


def text(experiments: Iterable[tuple[str, Rollout]]) -> str:
    """Return the page that Prometheus scrapes: of each model the experiment that began last.

    Args:
        experiments: Namespace and rollout of each experiment that has begun, in any order.
    """
    newest: dict[tuple[str, str], Rollout] = {}
    for namespace, each in experiments:
        place = (namespace, each.model_name)
        known = newest.get(place)
        if known is None or known.status.experiment.begun_at < each.status.experiment.begun_at:
            newest[place] = each
    samples: dict[str, list[_Sample]] = {name: [] for name in _HELP}
    for (namespace, _), rollout in sorted(newest.items(), key=lambda each: each[0]):
        for name, own, value in _samples(rollout):
            labels = {"namespace": namespace, "model_name": rollout.model_name, **own}
            samples[name].append((labels, value))
    return "".join(family(name, _HELP[name], each) for name, each in samples.items())


def _samples(rollout: Rollout) -> Iterator[tuple[str, Mapping[str, str], float]]:
    experiment = rollout.experiment
    if experiment is None:
        return
    state, new = rollout.status.experiment, {"version": rollout.version}
    metric = {"metric": experiment.metric.value}
    for arm, version in (
        (state.challenger, rollout.version),
        (state.champion, rollout.status.stable_version),
    ):
        own = {"version": version, **metric}
        yield "plinth_experiment_rows", own, arm.rows
        yield "plinth_experiment_units", own, arm.sample.units
        if arm.sample.units:
            yield "plinth_experiment_mean", own, arm.mean
    if state.low is not None and state.high is not None:
        yield "plinth_experiment_difference_low", {**new, **metric}, state.low
        yield "plinth_experiment_difference_high", {**new, **metric}, state.high
    yield "plinth_experiment_minimum_effect", {**new, **metric}, experiment.minimum_effect
    for each in Verdict:
        yield "plinth_experiment_verdict", {**new, "verdict": each.value}, float(each is state.verdict)
