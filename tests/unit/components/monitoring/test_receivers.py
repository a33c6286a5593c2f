"""Receivers in the configuration of Alertmanager."""

from components.monitoring.receivers import Receiver

RECEIVER = Receiver(
    name="retraining",
    namespace="delivery",
    labels={"app": "delivery"},
    url="http://delivery.delivery:8080/alerts",
    port=8080,
    alerts=("ModelInputDrift", "ModelPredictionDrift"),
    group_by=("namespace", "model_name"),
)


def test_it_is_told_of_its_alerts_and_so_is_everybody_after_it() -> None:
    assert RECEIVER.route() == {
        "receiver": "retraining",
        "matchers": ['alertname=~"ModelInputDrift|ModelPredictionDrift"'],
        "group_by": ["namespace", "model_name"],
        "continue": True,
    }


def test_the_end_of_an_alert_is_no_news() -> None:
    assert RECEIVER.receiver() == {
        "name": "retraining",
        "webhook_configs": [{"url": "http://delivery.delivery:8080/alerts", "send_resolved": False}],
    }
