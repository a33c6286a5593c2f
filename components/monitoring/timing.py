"""Scrape intervals and alert timing: one pace for operation, a faster one for tests."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Burn:
    """A pair of windows over which an error budget burns `factor` times too fast; both must agree."""

    name: str
    """In the alert's name."""
    severity: str
    short_seconds: int
    long_seconds: int
    factor: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Durations of a stack's monitoring."""

    scrape_seconds: int
    """Seconds between two scrapes of a target, and between two evaluations of a rule."""
    hold_seconds: int
    """Seconds that a condition must hold before its alert fires."""
    pending_seconds: int
    """Seconds that a pod may wait for a GPU: node pools need minutes to scale up from zero."""
    window_seconds: int
    """Window over which events such as failed pipeline runs are counted."""
    burns: tuple[Burn, ...]
    """Fastest first."""
    group_wait_seconds: int
    """Seconds that the first notification of a group waits for more alerts."""
    group_interval_seconds: int
    """Seconds between two notifications of a group, including resolved alerts."""
    repeat_interval: str = "4h"
    """Interval at which a firing alert is notified again."""

    def __post_init__(self) -> None:
        """Reject windows in which a rate has too few samples."""
        shortest = min([self.window_seconds, *(burn.short_seconds for burn in self.burns)])
        if shortest < 4 * self.scrape_seconds:
            raise ValueError(
                f"scrape_seconds: {self.scrape_seconds}; a window of {shortest} s needs four samples"
            )

    def fires_within_seconds(self, hold_seconds: int | None = None, window_seconds: int = 0) -> int:
        """Return the seconds from a lasting fault to its notification.

        Args:
            hold_seconds: the alert's own hold; the usual one if not given.
            window_seconds: what of a rate's window must be bad before the expression is true.
        """
        hold = self.hold_seconds if hold_seconds is None else hold_seconds
        # The fault is seen at the next scrape, counted at the next evaluation and held from there on; the
        # hold ends at an evaluation too. Half a minute is for Kubernetes to detect and report it.
        return 4 * self.scrape_seconds + hold + window_seconds + self.group_wait_seconds + 30


OPERATION = Timing(
    scrape_seconds=30,
    hold_seconds=120,
    pending_seconds=900,
    window_seconds=900,
    # The windows and factors of Google's SRE workbook: 2 % of a month's budget in an hour, 5 % in six.
    burns=(
        Burn(name="Fast", severity="critical", short_seconds=300, long_seconds=3600, factor=14.4),
        Burn(name="Slow", severity="warning", short_seconds=1800, long_seconds=21600, factor=6.0),
    ),
    group_wait_seconds=30,
    group_interval_seconds=300,
)

REHEARSAL = Timing(
    scrape_seconds=10,
    hold_seconds=20,
    pending_seconds=30,
    window_seconds=120,
    burns=(
        Burn(name="Fast", severity="critical", short_seconds=60, long_seconds=300, factor=14.4),
        Burn(name="Slow", severity="warning", short_seconds=300, long_seconds=1200, factor=6.0),
    ),
    group_wait_seconds=5,
    group_interval_seconds=15,
)


def duration(seconds: int) -> str:
    """Return seconds as Prometheus writes them: `90s`, `5m`, `6h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
