"""Scrape target, alerts and dashboards of the delivery controller: what it finds, and keeps, of requests."""

from typing import Final

from components.delivery import delivery_controller
from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.receivers import Receiver
from components.monitoring.rules import Alert, alert
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch

_MODEL: Final = "{{ $labels.model_name }} version {{ $labels.version }} in {{ $labels.namespace }}"
_VARIABLE: Final = "{{model_name}} {{version}} {{variable}}"


_DRIFT: Final = (
    "plinth_drift_alarm",
    "plinth_drift_index",
    "plinth_drift_threshold",
    "plinth_drift_window_rows",
    "plinth_drift_without_reference",
)
_EXPERIMENTS: Final = (
    "plinth_experiment_difference_high",
    "plinth_experiment_difference_low",
    "plinth_experiment_mean",
    "plinth_experiment_minimum_effect",
    "plinth_experiment_rows",
    "plinth_experiment_units",
    "plinth_experiment_verdict",
)
_QUALITY: Final = (
    "plinth_quality_accuracy",
    "plinth_quality_alarm",
    "plinth_quality_evidence",
    "plinth_quality_labelled_rows",
    "plinth_quality_reference",
    "plinth_quality_threshold",
    "plinth_quality_without_reference",
    "plinth_quality_wrong_rows",
)
_PAYLOADS: Final = (
    "plinth_payloads_dropped_requests_total",
    "plinth_payloads_store_failures_total",
    "plinth_payloads_stored_requests_total",
)


def watch(namespace: str, timing: Timing, *, drift: bool, payloads: bool, retraining: bool = False) -> Watch:
    """Return target, alerts and dashboards of the controller; nothing if it does not look at live requests.

    Args:
        namespace: of the controller.
        timing: durations of the stack's monitoring.
        drift: whether it compares live rows with those of training, and with payloads, answers with labels.
        payloads: whether it stores recorded requests.
        retraining: whether it wants to know of drift, to have models trained again.
    """
    if not drift and not payloads:
        return Watch()
    target = Target(
        name="delivery",
        namespace=namespace,
        labels=delivery_controller.POD_LABELS,
        port=delivery_controller.PORT,
        metrics=(
            *(_DRIFT if drift else ()),
            *((*_PAYLOADS, *_EXPERIMENTS) if payloads else ()),
            *(_QUALITY if drift and payloads else ()),
        ),
        # Of models, whose namespace they name.
        of_others=True,
    )
    window = duration(timing.burns[0].short_seconds)
    kept = (_payloads_dashboard(window), _experiments_dashboard()) if payloads else ()
    if not drift:
        return Watch(targets=(target,), dashboards=kept)
    rules = (
        _drifted(
            timing,
            "ModelInputDrift",
            "feature",
            "inputs",
            "Ask who sends these rows what has changed there: a unit, a default, another population. If it "
            "stays, train on newer rows.",
        ),
        _drifted(
            timing,
            "ModelPredictionDrift",
            "answer",
            "answers",
            "Look for ModelInputDrift of the same model first: its rows explain its answers. Without it the "
            "rows have changed together: compare recent answers with what turned out to be true.",
        ),
        *((_worse(timing),) if payloads else ()),
    )
    receiver = Receiver(
        name="retraining",
        namespace=namespace,
        labels=delivery_controller.POD_LABELS,
        url=f"http://{delivery_controller.SERVICE}.{namespace}:{delivery_controller.PORT}/alerts",
        port=delivery_controller.PORT,
        alerts=tuple(each.name for each in rules),
        group_by=("namespace", "model_name"),
    )
    return Watch(
        targets=(target,),
        rules={"drift": rules},
        dashboards=(_drift_dashboard(quality=payloads), *kept),
        receivers=(receiver,) if retraining else (),
    )


def _drifted(timing: Timing, name: str, kind: str, what: str, remedy: str) -> Alert:
    return alert(
        timing,
        name,
        f'plinth_drift_alarm{{variable=~"{kind}/.*"}} == 1',
        f"{_MODEL}: the {what} no longer look like those of training, by {{{{ $labels.variable }}}}",
        remedy,
        severity="warning",
        # Two windows in a row have been held already.
        hold_seconds=0,
    )


def _worse(timing: Timing) -> Alert:
    return alert(
        timing,
        "ModelQualityDrift",
        "plinth_quality_alarm == 1",
        f"{_MODEL}: by its labels it is wrong more often than on the rows held back from training",
        "Look for ModelInputDrift of the same model: where its rows have changed, train on newer ones. If "
        "they have not, look at the labels themselves: their classes, and who gave them.",
        severity="warning",
        # The evidence has waited for enough rows already.
        hold_seconds=0,
    )


def _drift_dashboard(*, quality: bool) -> Dashboard:
    return Dashboard(
        name="drift",
        title="Drift",
        panels=(
            Panel(
                title="Distance from training, as a share of what is too far",
                queries={_VARIABLE: "plinth_drift_index / plinth_drift_threshold"},
                unit="percentunit",
            ),
            Panel(
                title="Drifted in two windows in a row",
                queries={_VARIABLE: "plinth_drift_alarm == 1"},
            ),
            Panel(
                title="Rows of the window that fills",
                queries={"{{model_name}} {{version}}": "plinth_drift_window_rows"},
            ),
            Panel(
                title="Models that nobody can compare: no statistics of training",
                queries={"{{model_name}} {{version}}": "plinth_drift_without_reference == 1"},
            ),
            *(_quality_panels() if quality else ()),
        ),
    )


def _quality_panels() -> tuple[Panel, ...]:
    version = "{{model_name}} {{version}}"
    return (
        Panel(
            title="Accuracy by labels, on held-back rows, and the least that is tolerated",
            queries={
                f"{version} by labels": "plinth_quality_accuracy",
                f"{version} held back": "plinth_quality_reference",
                f"{version} least": "plinth_quality_threshold",
            },
            unit="percentunit",
        ),
        Panel(
            title="Evidence that the accuracy is too low, as a share of what raises the alert",
            queries={version: "plinth_quality_evidence"},
            unit="percentunit",
        ),
        Panel(
            title="Labelled rows, and those that were answered wrong",
            queries={
                f"{version} labelled": "plinth_quality_labelled_rows",
                f"{version} wrong": "plinth_quality_wrong_rows",
            },
        ),
        Panel(
            title="Classifiers without an accuracy on held-back rows to compare with",
            queries={version: "plinth_quality_without_reference == 1"},
        ),
    )


def _payloads_dashboard(window: str) -> Dashboard:
    version = "{{model_name}} {{version}}"
    return Dashboard(
        name="payloads",
        title="Payloads",
        panels=(
            Panel(
                title="Recorded requests that were stored, per second",
                queries={version: f"rate(plinth_payloads_stored_requests_total[{window}])"},
            ),
            Panel(
                title="Recorded requests that were lost, per second",
                queries={version: f"rate(plinth_payloads_dropped_requests_total[{window}])"},
            ),
            Panel(
                title="Batches that the store refused, and that are pulled again",
                queries={"batches": f"increase(plinth_payloads_store_failures_total[{window}])"},
            ),
        ),
    )


def _experiments_dashboard() -> Dashboard:
    version, model = "{{model_name}} {{version}}", "{{model_name}} {{version}} {{metric}}"
    return Dashboard(
        name="experiments",
        title="Experiments",
        panels=(
            Panel(
                title="Difference, new version minus former one: where it is, and the least that matters",
                queries={
                    f"{model} at least": "plinth_experiment_difference_low",
                    f"{model} at most": "plinth_experiment_difference_high",
                    f"{model} minimum effect": "plinth_experiment_minimum_effect",
                },
            ),
            Panel(title="Mean of the metric", queries={model: "plinth_experiment_mean"}),
            Panel(
                title="Labelled rows, and units that have one",
                queries={
                    f"{version} rows": "plinth_experiment_rows",
                    f"{version} units": "plinth_experiment_units",
                },
            ),
            Panel(
                title="Verdict on the new version",
                queries={f"{version} {{{{verdict}}}}": "plinth_experiment_verdict == 1"},
            ),
        ),
    )
