"""Alert of Katib."""

from components.monitoring.rules import alert, deployment_down
from components.monitoring.timing import Timing
from components.monitoring.watch import Watch


def watch(namespace: str, timing: Timing) -> Watch:
    """Return the alert of Katib's controller and its store of metrics.

    Args:
        namespace: of both.
        timing: durations of the stack's monitoring.
    """
    down = alert(
        timing,
        "TuningDown",
        deployment_down(namespace),
        "{{ $labels.deployment }} is down: searches by Katib wait, and fail after their bound",
        f"kubectl -n {namespace} describe pods",
    )
    return Watch(rules={"tuning": (down,)})
