"""How often a stack is scraped and how soon it alerts: the pace of the settings as durations."""

from components.monitoring.timing import OPERATION, REHEARSAL, Timing
from infra.settings.monitoring import Pace
from infra.settings.stack import Settings


def timing(settings: Settings) -> Timing:
    """Return the durations of a stack's monitoring."""
    return REHEARSAL if settings.monitoring.pace is Pace.REHEARSAL else OPERATION
