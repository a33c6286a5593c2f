"""What Prometheus has of the delivery controller."""

from components.delivery import monitoring
from components.monitoring.rules import Alert
from components.monitoring.timing import OPERATION
from components.monitoring.watch import Watch


def alerts() -> dict[str, Alert]:
    found = monitoring.watch("delivery", OPERATION, drift=True, payloads=True).rules["drift"]
    return {each.name: each for each in found if isinstance(each, Alert)}


def test_inputs_answers_and_quality_have_an_alert_each_that_names_the_variable() -> None:
    found = alerts()
    assert {name: each.expression for name, each in found.items()} == {
        "ModelQualityDrift": "plinth_quality_alarm == 1",
        "ModelInputDrift": 'plinth_drift_alarm{variable=~"feature/.*"} == 1',
        "ModelPredictionDrift": 'plinth_drift_alarm{variable=~"answer/.*"} == 1',
    }
    assert found["ModelInputDrift"].summary == (
        "{{ $labels.model_name }} version {{ $labels.version }} in {{ $labels.namespace }}: "
        "the inputs no longer look like those of training, by {{ $labels.variable }}"
    )


def test_the_alert_of_quality_names_the_version() -> None:
    assert alerts()["ModelQualityDrift"].summary == (
        "{{ $labels.model_name }} version {{ $labels.version }} in {{ $labels.namespace }}: "
        "by its labels it is wrong more often than on the rows held back from training"
    )


def test_without_payloads_no_quality_is_claimed() -> None:
    watch = monitoring.watch("delivery", OPERATION, drift=True, payloads=False)
    assert [each.name for each in watch.rules["drift"] if isinstance(each, Alert)] == [
        "ModelInputDrift",
        "ModelPredictionDrift",
    ]
    (page,) = watch.dashboards
    assert not [query for query in page.queries() if "quality" in query]


def test_every_metric_of_quality_is_on_the_dashboard_of_drift_or_raises_its_alert() -> None:
    watch = monitoring.watch("delivery", OPERATION, drift=True, payloads=True)
    shown = " ".join([*watch.dashboards[0].queries(), alerts()["ModelQualityDrift"].expression])
    (target,) = watch.targets
    quality = [each for each in target.metrics if each.startswith("plinth_quality_")]
    assert len(quality) == 8
    assert [each for each in quality if each not in shown] == []


def test_two_windows_are_not_held_once_more_and_nobody_is_paged() -> None:
    assert {(each.hold_seconds, each.severity) for each in alerts().values()} == {(0, "warning")}


def test_series_keep_the_namespace_of_their_model() -> None:
    (target,) = monitoring.watch("delivery", OPERATION, drift=True, payloads=False).targets
    assert (target.namespace, target.port, target.of_others) == ("delivery", 8080, True)


def test_the_controller_is_told_of_drift_where_it_has_models_trained_again() -> None:
    watch = monitoring.watch("delivery", OPERATION, drift=True, payloads=True, retraining=True)
    (receiver,) = watch.receivers
    assert {*receiver.alerts} == alerts().keys()
    assert receiver.url == "http://delivery.delivery:8080/alerts"
    assert receiver.labels.items() <= watch.targets[0].labels.items()
    assert monitoring.watch("delivery", OPERATION, drift=True, payloads=True).receivers == ()


def test_what_a_stack_has_not_is_not_scraped() -> None:
    def shown(*, drift: bool, payloads: bool) -> tuple[set[str], list[str]]:
        found = monitoring.watch("delivery", OPERATION, drift=drift, payloads=payloads)
        (target,) = found.targets
        return {each.split("_")[1] for each in target.metrics}, [each.name for each in found.dashboards]

    assert shown(drift=True, payloads=True) == (
        {"drift", "payloads", "experiment", "quality"},
        ["drift", "payloads", "experiments"],
    )
    assert shown(drift=True, payloads=False) == ({"drift"}, ["drift"])
    assert shown(drift=False, payloads=True) == (
        {"payloads", "experiment"},
        ["payloads", "experiments"],
    )
    assert monitoring.watch("delivery", OPERATION, drift=False, payloads=False) == Watch()
