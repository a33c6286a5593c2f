"""Verdicts of the policy scanner, and its tables of suppressions."""

from typing import Any

import pytest

from simulation import policy_scan
from simulation.policy_scan import AWS, KUBERNETES, Format, Suppression

REPORT: dict[str, Any] = {
    "summary": {"resource_count": 3, "passed": 7},
    "results": {
        "failed_checks": [
            {"check_id": "CKV_1", "check_name": "one", "resource": "aws_s3_bucket.logs"},
            {"check_id": "CKV_1", "check_name": "one", "resource": "aws_s3_bucket.data"},
        ]
    },
}


def test_a_suppression_covers_only_what_it_names() -> None:
    table = [Suppression(check="CKV_1", reason="r", resources=("*.log?",))]
    verdict = policy_scan.verdict(REPORT, "dev", table)
    assert verdict.failures() == ["CKV_1 one: aws_s3_bucket.data"]
    assert [each.address for each, _ in verdict.suppressed] == ["aws_s3_bucket.logs"]
    assert verdict.text() == "3 resources, 7 checks passed, 1 failed, 1 suppressed with a reason"


def test_a_name_is_not_the_beginning_of_another() -> None:
    table = [Suppression(check="CKV_1", reason="r", resources=("aws_s3_bucket.log",))]
    assert len(policy_scan.verdict(REPORT, "dev", table).failed) == 2


def test_a_suppression_for_one_stack_applies_to_that_stack_only() -> None:
    table = [Suppression(check="CKV_1", reason="r", stacks=("dev",))]
    assert not policy_scan.verdict(REPORT, "dev", table).failed
    assert len(policy_scan.verdict(REPORT, "prod", table).failed) == 2


def test_a_report_of_nothing_has_no_resources() -> None:
    assert policy_scan.verdict({"passed": 0, "failed": 0, "resource_count": 0}, "dev", []).resources == 0


@pytest.mark.parametrize(
    ("suppression", "unused"),
    [
        (Suppression(check="CKV_1", reason="r"), []),
        (Suppression(check="CKV_1", reason="r", resources=("*.logs", "*.data"), stacks=("dev",)), []),
        (Suppression(check="CKV_1", reason="r", resources=("*.logs", "*.gone")), ["CKV_1 *.gone"]),
        (Suppression(check="CKV_1", reason="r", stacks=("dev", "prod")), ["CKV_1 prod"]),
        (Suppression(check="CKV_2", reason="r"), ["CKV_2 *"]),
    ],
)
def test_what_no_stack_needs_is_found(suppression: Suppression, unused: list[str]) -> None:
    nothing: dict[str, Any] = {"summary": {"resource_count": 1, "passed": 1}}
    verdicts = {
        stack: policy_scan.verdict(report, stack, [suppression])
        for stack, report in (("dev", REPORT), ("prod", nothing))
    }
    assert policy_scan.needless([suppression], verdicts) == unused


def test_two_suppressions_of_the_same_are_one_too_many() -> None:
    table = [Suppression(check="CKV_1", reason="r"), Suppression(check="CKV_1", reason="other")]
    verdict = policy_scan.verdict(REPORT, "dev", table)
    assert policy_scan.needless(table, {"dev": verdict}) == ["CKV_1 *"]


@pytest.mark.parametrize("form", [AWS, KUBERNETES], ids=lambda each: each.framework)
def test_every_suppression_has_a_reason(form: Format) -> None:
    prefixes = {AWS: ("CKV_AWS_", "CKV2_AWS_"), KUBERNETES: ("CKV_K8S_", "CKV2_K8S_")}
    table = form.suppressions()
    assert len(table) > 5
    for each in table:
        assert len(each.reason.split()) >= 6, f"{each.check}: write the reason"
        assert each.check.startswith(prefixes[form])
