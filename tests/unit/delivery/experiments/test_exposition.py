"""Results of experiments as Prometheus reads them."""

from delivery.experiments import exposition
from delivery.experiments.records import ExperimentState, Verdict
from delivery.rollouts.records import Rollout, Status
from tests.unit.delivery.experiments.labelled import ASKED, right
from tests.unit.delivery.rollouts.rollout_cases import rollout


def _begun(at: str = "2026-11-30T12:00:00+00:00", **state: object) -> Rollout:
    experiment = ExperimentState(begun_at=at, **state)  # pyright: ignore[reportArgumentType]
    return rollout(Status(stable_version="1", experiment=experiment), experiment=ASKED)


def _samples(text: str) -> dict[str, float]:
    lines = (each.rpartition(" ") for each in text.splitlines() if not each.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_rows_means_bounds_and_the_verdict_have_a_series_each() -> None:
    made = _begun(
        challenger=right(90, 100), champion=right(80, 100), low=0.05, high=0.15, verdict=Verdict.BETTER
    )
    place = 'namespace="models",model_name="wine"'
    new, former = (f'{{{place},version="{each}",metric="accuracy"}}' for each in "21")
    verdicts = {
        f'plinth_experiment_verdict{{{place},version="2",verdict="{each}"}}': float(each is Verdict.BETTER)
        for each in Verdict
    }
    assert _samples(exposition.text([("models", made)])) == {
        f"plinth_experiment_rows{new}": 100,
        f"plinth_experiment_units{new}": 100,
        f"plinth_experiment_mean{new}": 0.9,
        f"plinth_experiment_rows{former}": 100,
        f"plinth_experiment_units{former}": 100,
        f"plinth_experiment_mean{former}": 0.8,
        f"plinth_experiment_difference_low{new}": 0.05,
        f"plinth_experiment_difference_high{new}": 0.15,
        f"plinth_experiment_minimum_effect{new}": 0.05,
        **verdicts,
    }


def test_a_version_without_rows_has_no_mean_and_no_bounds() -> None:
    found = _samples(exposition.text([("models", _begun())]))
    assert not [each for each in found if "_mean" in each or "_difference_" in each]


def test_of_a_model_the_experiment_that_began_last_is_shown() -> None:
    later = _begun("2026-12-01T12:00:00+00:00", challenger=right(1, 7))
    for order in ([later, _begun()], [_begun(), later]):
        found = _samples(exposition.text(("models", each) for each in order))
        assert [value for name, value in found.items() if name.startswith("plinth_experiment_rows")] == [7, 0]


def test_without_experiments_there_are_families_without_series() -> None:
    assert _samples(exposition.text([])) == {}
