"""What labels say of each version, as Prometheus reads it."""

from collections.abc import Iterator, Mapping
from typing import Final

from delivery.monitoring.exposition import family
from delivery.quality.version_quality import VersionQuality
from delivery.version import Version

_HELP: Final = {
    "plinth_quality_labelled_rows": "Rows of recorded requests that have a label.",
    "plinth_quality_wrong_rows": "Those whose label is another class than the answer was.",
    "plinth_quality_accuracy": "Share of right rows, as the mean over labelled requests.",
    "plinth_quality_reference": "Accuracy on held-back rows, by the evaluation of the version.",
    "plinth_quality_threshold": "Accuracy below which the version has become worse than is tolerated.",
    "plinth_quality_evidence": "Evidence that it has, as a share of what raises the alarm.",
    "plinth_quality_alarm": "Whether the evidence suffices.",
    "plinth_quality_without_reference": "Whether no evaluation has an accuracy to compare with.",
}


def text(found: Mapping[Version, VersionQuality]) -> str:
    """Return the page that Prometheus scrapes."""
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {name: [] for name in _HELP}
    for version, quality in sorted(found.items(), key=lambda each: each[0]):
        for name, value in _samples(quality):
            samples[name].append((version.labels, value))
    return "".join(family(name, _HELP[name], each) for name, each in samples.items())


def _samples(quality: VersionQuality) -> Iterator[tuple[str, float]]:
    yield "plinth_quality_labelled_rows", quality.answered.rows
    yield "plinth_quality_wrong_rows", quality.answered.wrong_rows
    yield "plinth_quality_without_reference", float(quality.reference is None)
    if quality.reference is not None:
        yield "plinth_quality_reference", quality.reference.accuracy
        yield "plinth_quality_threshold", quality.reference.lowest(quality.tolerance)
    if quality.accuracy is not None:
        yield "plinth_quality_accuracy", quality.accuracy
    if quality.evidence is not None:
        yield "plinth_quality_evidence", quality.evidence
        yield "plinth_quality_alarm", float(bool(quality.is_alarm))
