"""How often is measured, how soon alerted: one pace for operation, a brisk one that tests can wait for."""

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
    """All durations of a stack's monitoring."""

    scrape_seconds: int
    """Between two scrapes of a target, and between two evaluations of a rule."""
    hold_seconds: int
    """How long something must be wrong before it is an alert."""
    pending_seconds: int
    """How long a pod may wait for a GPU: node pools need minutes to grow from zero."""
    window_seconds: int
    """Over which events are counted, such as pipeline runs that failed."""
    burns: tuple[Burn, ...]
    """Fastest first."""
    group_wait_seconds: int
    """How long a first notification waits for others like it."""
    group_interval_seconds: int
    """Between two notifications of a group, that an alert is resolved included."""
    repeat_interval: str = "4h"
    """After which an alert that still fires is told again."""

    def __post_init__(self) -> None:
        """Refuse windows in which a rate has too few samples."""
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
        # hold ends at an evaluation too. Half a minute is for Kubernetes to notice and tell.
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
