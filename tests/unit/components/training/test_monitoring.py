"""What Prometheus has of the controllers of training."""

from components.monitoring.rules import Alert
from components.monitoring.timing import OPERATION
from components.training import monitoring


def test_both_controllers_are_scraped_and_one_alert_says_what_stops() -> None:
    found = monitoring.watch("training", OPERATION)
    assert [(each.name, each.port) for each in found.targets] == [("jobset", 8443), ("trainer", 8080)]
    (alert,) = [each for each in found.rules["training"] if isinstance(each, Alert)]
    assert alert.name == "TrainingControllerDown"
    assert 'namespace="training"' in alert.expression
