"""Notifications of Alertmanager."""

import pytest

from delivery.retraining.alerts import DriftAlert, firing
from tests.unit.delivery.retraining.notifications import alert, notification


def test_alerts_that_fire_are_read_and_those_that_are_over_are_not() -> None:
    assert firing(notification(alert(), alert("b2", status="resolved"))) == [
        DriftAlert(
            name="ModelInputDrift",
            identity="a1@2026-11-30T12:00:00Z",
            namespace="models",
            model_name="wine",
            version="3",
            variable="feature/alcohol",
        )
    ]


def test_an_alert_of_quality_has_no_variable() -> None:
    given = alert(alertname="ModelQualityDrift")
    del given["labels"]["variable"]
    (found,) = firing(notification(given))
    assert (found.variable, found.what) == ("", "ModelQualityDrift")


@pytest.mark.parametrize("name", ["", "Wine", "wine' or name != '", "../wine", "w" * 99])
def test_what_cannot_be_the_name_of_a_model_is_left_out(name: str) -> None:
    assert firing(notification(alert(model_name=name))) == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"alerts": 3}', b'{"alerts": [{}]}', b'{"alerts": [3]}']
)
def test_anything_else_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no notification of Alertmanager \(.*\)$"):
        firing(body)
