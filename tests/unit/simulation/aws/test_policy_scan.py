"""Verdicts of the policy scanner, and its table of suppressions."""

from typing import Any

import pytest

from simulation.aws import policy_scan
from simulation.aws.policy_scan import Suppression

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
    table = [Suppression(check="CKV_1", reason="r", resources=("aws_s3_bucket.logs",))]
    verdict = policy_scan.verdict(REPORT, "dev", table)
    assert [each.address for each in verdict.failed] == ["aws_s3_bucket.data"]
    assert [each.address for each, _ in verdict.suppressed] == ["aws_s3_bucket.logs"]
    assert verdict.text() == "3 resources, 7 checks passed, 1 failed, 1 suppressed with a reason"


def test_a_suppression_for_one_stack_applies_to_that_stack_only() -> None:
    table = [Suppression(check="CKV_1", reason="r", stacks=("dev",))]
    assert not policy_scan.verdict(REPORT, "dev", table).failed
    assert len(policy_scan.verdict(REPORT, "prod", table).failed) == 2


def test_a_report_of_nothing_has_no_resources() -> None:
    assert policy_scan.verdict({"passed": 0, "failed": 0, "resource_count": 0}, "dev", []).resources == 0


@pytest.mark.parametrize("each", policy_scan.suppressions(), ids=lambda each: each.check)
def test_every_suppression_has_a_reason(each: Suppression) -> None:
    assert len(each.reason.split()) >= 6, f"{each.check}: write the reason"
    assert each.check.startswith(("CKV_AWS_", "CKV2_AWS_"))
