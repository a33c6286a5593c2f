"""Scrape targets and alert of the controllers of training."""

from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing
from components.monitoring.watch import Watch
from components.training import jobset_controller, trainer_controller


def watch(namespace: str, timing: Timing) -> Watch:
    """Return targets and alert.

    Args:
        namespace: of the controllers.
        timing: durations of the stack's monitoring.
    """
    down = alert(
        timing,
        "TrainingControllerDown",
        deployment_down(namespace),
        "{{ $labels.deployment }} is down: trainings go on, none begins, and no lost node is replaced",
        f"kubectl -n {namespace} describe pods",
        severity="warning",
    )
    targets = (
        Target(
            name="jobset",
            namespace=namespace,
            labels=jobset_controller.POD_LABELS,
            port=jobset_controller.METRICS_PORT,
            metrics=("controller_runtime_reconcile_total",),
            authenticated=True,
        ),
        Target(
            name="trainer",
            namespace=namespace,
            labels=trainer_controller.POD_LABELS,
            port=trainer_controller.METRICS_PORT,
            metrics=("controller_runtime_reconcile_total",),
        ),
    )
    return Watch(targets=targets, rules={"training": (down,)})
