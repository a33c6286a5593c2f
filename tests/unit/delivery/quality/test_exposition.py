"""The page that Prometheus scrapes."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from delivery.experiments.records import Answered
from delivery.quality import exposition
from delivery.quality.version_quality import Reference, VersionQuality
from delivery.version import Version

WINE = Version(namespace="models", model_name="wine", number="3")
_ANSWERED = Answered(rows=120, wrong_rows=30, requests=100, wrong=20.0)
_REFERENCE = Reference(accuracy=0.95)


def samples(text: str, version: str = "3") -> dict[str, float]:
    """Return what a page says of a version, without the common beginning of the names."""
    return {
        each.name.removeprefix("plinth_quality_"): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.labels["version"] == version
    }


def _text(answered: Answered, reference: Reference | None) -> str:
    quality = VersionQuality(answered=answered, reference=reference, tolerance=0.03)
    return exposition.text({WINE: quality})


def test_a_version_with_labels_and_a_reference_has_every_series() -> None:
    found = samples(_text(_ANSWERED, _REFERENCE))
    assert found.pop("evidence") > 1
    assert found == pytest.approx(
        {
            "labelled_rows": 120,
            "wrong_rows": 30,
            "accuracy": 0.8,
            "reference": 0.95,
            "threshold": 0.92,
            "alarm": 1,
            "without_reference": 0,
        }
    )


def test_without_labels_neither_an_accuracy_nor_a_verdict_is_claimed() -> None:
    assert samples(_text(Answered(), _REFERENCE)) == {
        "labelled_rows": 0,
        "wrong_rows": 0,
        "reference": 0.95,
        "threshold": pytest.approx(0.92),
        "without_reference": 0,
    }


def test_without_a_reference_the_page_says_so_and_has_no_verdict() -> None:
    assert samples(_text(_ANSWERED, None)) == {
        "labelled_rows": 120,
        "wrong_rows": 30,
        "accuracy": 0.8,
        "without_reference": 1,
    }


def test_every_series_names_namespace_model_and_version() -> None:
    text = _text(_ANSWERED, _REFERENCE)
    every = [each.labels for family in text_string_to_metric_families(text) for each in family.samples]
    assert every == [WINE.labels] * 8


def test_without_models_there_are_no_series() -> None:
    assert samples(exposition.text({})) == {}
