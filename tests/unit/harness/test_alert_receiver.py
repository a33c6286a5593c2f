from harness.alert_receiver import Notification, parse

LOG = """
{"status": "firing", "labels": {"alertname": "ObjectStoreDown", "namespace": "object-store"}}
not a notification
{"status": "resolved", "labels": {"alertname": "ObjectStoreDown", "namespace": "object-store"}}
"""


def test_a_log_is_read_in_order_and_other_lines_are_left_out() -> None:
    assert [each.status for each in parse(LOG)] == ["firing", "resolved"]


def test_a_notification_is_of_an_alert_with_at_least_the_wanted_labels() -> None:
    heard = Notification(status="firing", labels={"alertname": "PodDown", "namespace": "a", "pod": "b"})
    assert heard.is_of("PodDown", {"namespace": "a"})
    assert not heard.is_of("PodDown", {"namespace": "b"})
    assert not heard.is_of("NodeDown", {})
