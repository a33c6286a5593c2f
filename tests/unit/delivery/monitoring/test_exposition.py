"""The page that Prometheus scrapes."""

from prometheus_client.parser import text_string_to_metric_families

from delivery.monitoring import exposition
from delivery.monitoring.limits import DriftLimits
from delivery.monitoring.version_drift import VersionDrift
from delivery.version import Version
from tests.unit.delivery.monitoring.counted import SHIFTED, pod

LIMITS = DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03)
WINE = Version(namespace="models", model_name="wine", number="3")


def samples(text: str) -> dict[tuple[str, str, str], float]:
    """Return metric, model and variable -> value."""
    return {
        (each.name, each.labels["model_name"], each.labels.get("variable", "")): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def drifted(
    references: dict[str, list[int]] | None = None, counts: dict[str, list[int]] | None = None
) -> VersionDrift:
    drift = VersionDrift(LIMITS)
    for each in range(24):
        drift.take({"p1": pod(counts or SHIFTED, each, references=references)}, ["p1"])
    return drift


def test_a_version_has_its_distances_its_alarms_and_its_rows() -> None:
    found = samples(exposition.text({WINE: drifted()}))
    assert found[("plinth_drift_alarm", "wine", "feature/a")] == 1
    assert found[("plinth_drift_alarm", "wine", "answer/class")] == 0
    assert found[("plinth_drift_threshold", "wine", "feature/a")] == 0.2
    assert 0.2 < found[("plinth_drift_index", "wine", "feature/a")] < 1
    assert found[("plinth_drift_window_rows", "wine", "")] == 300
    assert found[("plinth_drift_without_reference", "wine", "")] == 0


def test_every_series_names_namespace_model_and_version() -> None:
    text = exposition.text({WINE: drifted()})
    every = [each.labels for family in text_string_to_metric_families(text) for each in family.samples]
    assert len(every) == 8
    assert all(WINE.labels.items() <= each.items() for each in every)


def test_series_are_bounded_and_those_that_have_drifted_come_first() -> None:
    even = {f"feature/{number:02}": [25, 25, 25, 25, 0] for number in range(40)}
    found = samples(
        exposition.text({WINE: drifted(even, {**even, "feature/39": [5, 10, 25, 60, 0]})}),
    )
    indices = [variable for name, _, variable in found if name == "plinth_drift_index"]
    assert len(indices) == exposition.MOST_VARIABLES
    assert indices[0] == "feature/39"
    assert found[("plinth_drift_alarm", "wine", "feature/39")] == 1


def test_names_of_features_are_escaped() -> None:
    name = 'feature/a "b" \\ c\nd'
    one = {name: [25, 25, 25, 25, 0]}
    found = samples(exposition.text({WINE: drifted(one, one)}))
    assert ("plinth_drift_index", "wine", name) in found


def test_without_models_there_are_no_series() -> None:
    assert samples(exposition.text({})) == {}
