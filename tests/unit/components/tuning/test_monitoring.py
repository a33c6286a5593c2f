"""The alert of Katib."""

from components.monitoring.timing import OPERATION
from components.tuning import monitoring


def test_an_alert_names_what_is_down() -> None:
    (alert,) = monitoring.watch("katib", OPERATION).rules["tuning"]
    assert 'namespace="katib"' in alert.expression
