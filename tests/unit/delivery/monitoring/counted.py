"""What pods of a model have counted, for tests."""

from typing import Any

from delivery.monitoring.pod_counts import PodCounts

REFERENCES = {"feature/a": [100, 100, 100, 100, 0], "answer/class": [50, 50, 0, 0]}
EVEN = {"feature/a": [25, 25, 25, 25, 0], "answer/class": [50, 50, 0, 0]}
SHIFTED = {"feature/a": [5, 10, 25, 60, 0], "answer/class": [50, 50, 0, 0]}


def bins(
    counts: dict[str, list[int]], times: int = 1, start: str = "s1", references: Any = None
) -> dict[str, Any]:
    """Return the answer of a pod to which these rows came some times."""
    known: dict[str, list[int]] = REFERENCES if references is None else references
    return {
        "start": start,
        "reference": {"rows": 400},
        "variables": {
            name: {
                "kind": "number",
                "counts": [each * times for each in counts[name]],
                "reference": known[name],
            }
            for name in known
        },
    }


def pod(counts: dict[str, list[int]], times: int = 1, start: str = "s1", references: Any = None) -> PodCounts:
    """Return the same, checked."""
    return PodCounts.from_json(bins(counts, times, start, references))
