from components.monitoring.rules import Alert, Recording, group
from components.monitoring.timing import REHEARSAL

ALERT = Alert(
    name="Down",
    expression="up == 0",
    severity="critical",
    hold_seconds=20,
    summary="It is down",
    remedy="Look",
    fires_within_seconds=95,
)


def test_a_group_is_evaluated_at_the_pace_of_the_scrapes() -> None:
    made = group("parts", [Recording(record="a:b:c", expression="sum(a)"), ALERT], REHEARSAL)
    assert made["name"] == "parts"
    assert made["interval"] == "10s"
    assert made["rules"][0] == {"record": "a:b:c", "expr": "sum(a)"}


def test_an_alert_says_what_is_wrong_where_to_look_and_how_soon_it_is_told() -> None:
    (rule,) = group("parts", [ALERT], REHEARSAL)["rules"]
    assert rule == {
        "alert": "Down",
        "expr": "up == 0",
        "for": "20s",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "It is down", "remedy": "Look", "fires_within": "95s"},
    }
