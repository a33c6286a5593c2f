"""JUnit of a night."""

from dataclasses import replace
from xml.etree import ElementTree

from harness.evidence import junit
from harness.evidence.night import Fault, State, interrupted
from tests.fixtures.nights import GREEN, RED, RUNNING


def suites(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text)  # noqa: S314 (made by this repository)
    return {suite.get("name", ""): suite for suite in root}


def test_every_phase_is_a_suite_and_every_promise_a_case() -> None:
    found = suites(junit.render(GREEN))
    assert list(found) == ["up", "verify", "load", "slow", "faults", "down"]
    assert found["verify"].get("tests") == "5"
    assert {suite.get("failures") for suite in found.values()} == {"0"}


def test_a_failed_promise_is_a_failure_with_its_reason() -> None:
    verify = suites(junit.render(RED))["verify"]
    assert (verify.get("failures"), verify.get("errors")) == ("2", "0")
    messages = [each.get("message", "") for each in verify.iter("failure")]
    assert messages[0] == "1 of 4 promises failed"
    assert messages[1].startswith("assert ['class_1', 'class_2']")


def test_faults_that_are_not_the_products_are_errors_and_what_did_not_run_is_skipped() -> None:
    failed = GREEN.with_phase(
        replace(GREEN.phase("up"), state=State.FAILED, fault=Fault.INFRA, reason="disk full")
    )
    assert suites(junit.render(failed))["up"].get("errors") == "1"
    dead = suites(junit.render(interrupted(RUNNING, "killed")))
    assert dead["verify"].get("errors") == "1"
    assert dead["load"].get("skipped") == "1"
