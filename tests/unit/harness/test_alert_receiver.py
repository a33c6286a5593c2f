"""Notifications in a receiver's log, and the route to it."""

import json
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.alert_receiver import PROGRAM, Notification, parse, route_to
from tests.fixtures.ports import free_port
from workloads.wait import wait_for

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


@pytest.fixture
def receiver(tmp_path: Path) -> Generator[tuple[str, Path]]:
    """The receiver's program as a pod runs it: its address and its log."""
    port, log = free_port(), tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], stdout=output) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}/", log
        finally:
            process.kill()


def test_notifications_that_arrive_together_are_lines_of_their_own(receiver: tuple[str, Path]) -> None:
    address, log = receiver

    def answering() -> str | None:
        try:
            httpx.post(address, content=b'{"alerts": []}')
        except httpx.TransportError as error:
            return str(error)
        return None

    wait_for("the receiver", answering, timeout_seconds=20, interval_seconds=0.1)
    alerts = {
        sender: [{"status": "firing", "labels": {"alertname": f"{sender}-{n}"}} for n in range(40)]
        for sender in range(16)
    }
    bodies = [json.dumps({"alerts": each}) for each in alerts.values()]
    with ThreadPoolExecutor(16) as senders:
        answers = list(senders.map(lambda body: httpx.post(address, content=body, timeout=20), bodies))
    assert {each.status_code for each in answers} == {200}
    names = {each.labels["alertname"] for each in parse(log.read_text())}
    assert names == {f"{sender}-{n}" for sender in range(16) for n in range(40)}
