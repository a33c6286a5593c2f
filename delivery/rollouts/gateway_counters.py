"""Answers of each version, counted from the metrics of the gateway's pods."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_REQUESTS: Final = "traefik_service_requests_total"
_BUCKET: Final = "traefik_service_request_duration_seconds_bucket"
_LINE: Final = re.compile(rf"^({_REQUESTS}|{_BUCKET})\{{([^}}]*)\}} ([0-9.eE+]+)$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_FAILED: Final = "5"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one Service has answered."""

    total: int = 0
    failed: int = 0
    """With a status of 500 or more."""
    buckets: Mapping[float, int] = field(default_factory=dict[float, int])
    """Upper bound in seconds -> answers that took no longer."""

    def since(self, before: "Answers") -> "Answers":
        """Return what was answered after an earlier reading; a counter that began again counts from 0."""
        if self.total < before.total:
            return self
        return Answers(
            total=self.total - before.total,
            failed=max(0, self.failed - before.failed),
            buckets={bound: count - before.buckets.get(bound, 0) for bound, count in self.buckets.items()},
        )

    def plus(self, other: "Answers") -> "Answers":
        """Return the sum of what two pods have answered."""
        bounds = {*self.buckets, *other.buckets}
        return Answers(
            total=self.total + other.total,
            failed=self.failed + other.failed,
            buckets={each: self.buckets.get(each, 0) + other.buckets.get(each, 0) for each in bounds},
        )


def read(metrics: str) -> dict[str, Answers]:
    """Return what each Service has answered since the pod began, from the text of its metrics.

    Returns:
        Name of the Service as the gateway has it: namespace, Service and port -> its answers.
    """
    totals: dict[str, int] = {}
    failures: dict[str, int] = {}
    buckets: dict[str, dict[float, int]] = {}
    for line in metrics.splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        labels = dict(_LABEL.findall(found[2]))
        service, count = labels["service"].partition("@")[0], int(float(found[3]))
        if found[1] == _BUCKET:
            bound = float(labels["le"])
            own = buckets.setdefault(service, {})
            own[bound] = own.get(bound, 0) + count
            continue
        totals[service] = totals.get(service, 0) + count
        if labels["code"].startswith(_FAILED):
            failures[service] = failures.get(service, 0) + count
    return {
        name: Answers(total=total, failed=failures.get(name, 0), buckets=buckets.get(name, {}))
        for name, total in totals.items()
    }


class GatewayCounters:
    """Differences between readings, pod by pod: one that begins again, or is new, counts from 0."""

    def __init__(self) -> None:
        """Have read nothing."""
        self._before: dict[str, dict[str, Answers]] = {}

    def advance(self, readings: Mapping[str, str]) -> dict[str, Answers] | None:
        """Take the next readings and return what each Service answered in between.

        Args:
            readings: Pod -> its metrics.

        Returns:
            Service -> its answers; None at the first reading, which has nothing to be compared with.
        """
        first = not self._before
        now = {pod: read(text) for pod, text in readings.items()}
        found: dict[str, Answers] = {}
        for pod, answers in now.items():
            before = self._before.get(pod, {})
            for service, each in answers.items():
                since = each.since(before.get(service, Answers()))
                found[service] = found.get(service, Answers()).plus(since)
        # A pod that could not be read this time is compared with its last reading the next time.
        self._before = {**self._before, **now}
        return None if first else found
