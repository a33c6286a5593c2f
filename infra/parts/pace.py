"""Scrape interval and alert timing of a stack, from the pace in its settings."""

from components.monitoring.timing import OPERATION, REHEARSAL, Timing
from infra.settings.monitoring import Pace
from infra.settings.stack import Settings


def timing(settings: Settings) -> Timing:
    """Return the durations of a stack's monitoring."""
    return REHEARSAL if settings.monitoring.pace is Pace.REHEARSAL else OPERATION
