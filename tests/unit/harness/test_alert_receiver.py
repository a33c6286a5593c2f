"""Notifications in a receiver's log, and the route to it."""

from harness.alert_receiver import Notification, parse, route_to

LOG = """
{"status": "firing", "labels": {"alertname": "ObjectStoreDown", "namespace": "object-store"}}
not a notification
{"status": "resolved", "labels": {"alertname": "ObjectStoreDown", "namespace": "object-store"}}
"""


def test_a_log_is_read_in_order_and_other_lines_are_left_out() -> None:
    assert [each.status for each in parse(LOG)] == ["firing", "resolved"]


def test_a_notification_matches_an_alert_with_at_least_the_given_labels() -> None:
    notification = Notification(
        status="firing", labels={"alertname": "PodDown", "namespace": "a", "pod": "b"}
    )
    assert notification.matches("PodDown", {"namespace": "a"})
    assert not notification.matches("PodDown", {"namespace": "b"})
    assert not notification.matches("NodeDown", {})


def test_an_incomplete_last_line_is_left_out() -> None:
    assert parse(LOG + '{"status": "fir') == parse(LOG)


def test_every_alert_is_a_group_of_its_own_and_its_end_is_sent() -> None:
    spec = route_to("http://receiver.space:8080/")
    assert spec["route"]["groupBy"] == ["..."]
    (webhook,) = spec["receivers"][0]["webhookConfigs"]
    assert webhook == {"url": "http://receiver.space:8080/", "sendResolved": True}
