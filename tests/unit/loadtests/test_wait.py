import time

from loadtests import wait


def test_waiting_until_a_moment_ends_at_it_and_not_before() -> None:
    moment = time.monotonic() + 0.05
    wait.until(moment)
    assert moment <= time.monotonic() < moment + 5


def test_a_moment_that_is_over_is_not_waited_for() -> None:
    began = time.monotonic()
    wait.until(began - 100)
    assert time.monotonic() - began < 0.05


def test_a_pause_takes_its_time() -> None:
    began = time.monotonic()
    wait.pause(0.05)
    assert time.monotonic() - began >= 0.05
