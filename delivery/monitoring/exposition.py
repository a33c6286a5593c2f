"""What was found of each version, as Prometheus reads it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from delivery.monitoring.version_drift import VersionDrift
from delivery.statistics.windows import Distance, Judgement
from delivery.version import Version

MOST_VARIABLES: Final = 20
"""Series of a version are bounded, whatever number of features it has: these are furthest from training."""
_HELP: Final = {
    "plinth_drift_index": "Population stability index of the last full window.",
    "plinth_drift_threshold": "Index that a variable must pass to have drifted.",
    "plinth_drift_alarm": "Whether a variable passed its threshold in two windows in a row.",
    "plinth_drift_window_rows": "Rows of the window that fills.",
    "plinth_drift_without_reference": "Whether the version carries no statistics of training.",
}
_ESCAPED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_Sample = tuple[Mapping[str, str], float]


def text(found: Mapping[Version, VersionDrift]) -> str:
    """Return the page that Prometheus scrapes."""
    samples: dict[str, list[_Sample]] = {name: [] for name in _HELP}
    for version, drift in sorted(found.items()):
        for name, own, value in _samples(drift):
            samples[name].append(({**version.labels, **own}, value))
    return "".join(family(name, _HELP[name], each) for name, each in samples.items())


def _samples(drift: VersionDrift) -> Iterator[tuple[str, Mapping[str, str], float]]:
    yield "plinth_drift_window_rows", {}, drift.rows
    yield "plinth_drift_without_reference", {}, float(drift.is_without_reference)
    if drift.judgement is None:
        return
    for variable, distance in _worst(drift.judgement):
        own = {"variable": variable}
        yield "plinth_drift_index", own, distance.index
        yield "plinth_drift_threshold", own, distance.threshold
        yield "plinth_drift_alarm", own, float(variable in drift.judgement.alarms)


def _worst(judgement: Judgement) -> list[tuple[str, Distance]]:
    def order(each: tuple[str, Distance]) -> tuple[bool, float, str]:
        name, distance = each
        return name not in judgement.alarms, -distance.index / distance.threshold, name

    return sorted(judgement.distances.items(), key=order)[:MOST_VARIABLES]


def family(name: str, description: str, samples: Iterable[_Sample], *, kind: str = "gauge") -> str:
    """Return the series of one metric, as text: labels and value of each."""
    lines = [f"# HELP {name} {description}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped(each)}"' for key, each in labels.items())
        lines.append(f"{name}{{{pairs}}} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return "".join(_ESCAPED.get(each, each) for each in value)
