"""The whole preflight: its order, its table, and no check that passes because AWS could not be called."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from infra.account import preflight, session
from infra.account.session import Account
from tests.unit.infra import demands
from tests.unit.infra.account.test_versions import cluster_versions


@contextmanager
def answering(account: Account, *, quota: float = 10_000) -> Generator[list[Stubber]]:
    """Answer for what moto lacks (quotas, versions, images), and therefore for every call to RDS and EKS."""
    demand = demands.of_stack("prod")
    stubs = [Stubber(each) for each in (account.quotas, account.eks, account.ssm, account.rds, account.acm)]
    quotas, eks, ssm, rds, acm = stubs
    issued = {
        "CertificateArn": demand.certificate_arn,
        "DomainName": "*.plinth.example.com",
        "Status": "ISSUED",
    }
    acm.add_response("describe_certificate", {"Certificate": issued})
    for _ in range(6):
        quotas.add_response("get_service_quota", {"Quota": {"Value": quota}})
    eks.add_response("describe_cluster_versions", cluster_versions(v36="STANDARD_SUPPORT"))
    for name, version in demand.addons.items():
        listed = {"addonName": name, "addonVersions": [{"addonVersion": version}]}
        eks.add_response("describe_addon_versions", {"addons": [listed]})
    eks.add_client_error("describe_cluster", "ResourceNotFoundException")
    for _ in range(2):
        ssm.add_response("get_parameter", {"Parameter": {"Value": "ami-1"}})
    for each in demand.databases:
        option = {"EngineVersion": f"{each.version}.1", "MultiAZCapable": True}
        rds.add_response("describe_orderable_db_instance_options", {"OrderableDBInstanceOptions": [option]})
    for _ in demand.databases:
        rds.add_client_error("describe_db_instances", "DBInstanceNotFound")
    with ExitStack() as active:
        for stub in stubs:
            active.enter_context(stub)
        yield stubs


def of_prod() -> Any:
    """Return prod's demand with its single-zone pools in the zones where moto offers their types."""
    demand = demands.of_stack("prod")
    return replace(
        demand,
        pools=tuple(replace(pool, zones=demand.zones) for pool in demand.pools),
        certificate_arn=f"arn:aws:acm:us-east-1:{demands.ACCOUNT}:certificate/1",
    )


def test_an_account_that_has_everything_passes(account: Account) -> None:
    account.iam.create_service_linked_role(AWSServiceName="spot.amazonaws.com")
    with answering(account) as stubs:
        report = preflight.run(of_prod(), account)
        for stub in stubs:
            stub.assert_no_pending_responses()
    assert not report.failures, preflight.table("prod", report)
    assert not report.unchecked
    checked = {each.check for each in report.findings}
    assert checked >= {name for name, _ in preflight.CHECKS} - {"reservations"}
    assert preflight.table("prod", report).endswith("checked, 0 failed")


def test_every_failure_is_in_one_table_with_its_remedy(account: Account) -> None:
    account.s3.create_bucket(Bucket=of_prod().buckets[0])
    with answering(account, quota=4):
        report = preflight.run(of_prod(), account)
    text = preflight.table("prod", report)
    # The role of spot nodes, four quotas of vCPUs and a bucket; four addresses are enough.
    assert len(report.failures) == 6, text
    for each in report.failures:
        assert each.subject in text
        assert f"-> {each.remedy}" in text
    assert text.count("FAIL") == 6
    assert "L-417A185B" in text
    assert text.splitlines()[-1].endswith("6 failed")


@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_nothing_else_is_checked() -> None:
    report = preflight.run(of_prod(), session.connect("us-east-1"))
    text = preflight.table("prod", report)
    (only,) = report.findings
    assert only.failed
    assert "aws sso login" in text
    assert "not checked: region, service-linked roles, zones, instance types, quotas" in text
    assert text.splitlines()[-1] == "preflight prod: 1 checked, 1 failed"


def test_credentials_of_another_account_end_preflight(account: Account) -> None:
    report = preflight.run(replace(of_prod(), account="999999999999"), account)
    (failed,) = report.failures
    assert failed.subject == "999999999999"
    assert "AWS_PROFILE" in failed.remedy
    assert report.unchecked


@pytest.mark.parametrize(
    ("arn", "administrator"),
    [
        ("arn:aws:sts::1:assumed-role/admin/me", "arn:aws:iam::1:role/admin"),
        ("arn:aws:sts::1:assumed-role/SSO_Admin_1/me", "arn:aws:iam::1:role/aws-reserved/sso/SSO_Admin_1"),
        ("arn:aws:iam::1:user/ann", "arn:aws:iam::1:user/people/ann"),
    ],
)
def test_an_administrator_of_the_cluster_passes(arn: str, administrator: str) -> None:
    demand = demands.of_stack("prod", administrators=("arn:aws:iam::1:role/other", administrator))
    found = preflight._administrator(session.Identity(account="1", arn=arn), demand)
    assert (found.failed, found.subject) == (False, administrator)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::1:assumed-role/reader/admin",
        "arn:aws:iam::1:user/admin",
        "arn:aws:iam::1:root",
        "arn:aws:sts::1:federated-user/admin",
    ],
)
def test_a_caller_who_is_no_administrator_fails(arn: str) -> None:
    demand = demands.of_stack("prod", administrators=("arn:aws:iam::1:role/admin",))
    found = preflight._administrator(session.Identity(account="1", arn=arn), demand)
    assert found.failed
    assert found.remedy.endswith("plinth:cluster.administrators")


@pytest.mark.parametrize(
    ("region", "problem"),
    [("eu-nowhere-1", "AWS has no such region"), ("ap-east-1", "the account has not enabled it")],
)
def test_a_region_that_cannot_be_used_ends_preflight(account: Account, region: str, problem: str) -> None:
    report = preflight.run(replace(of_prod(), region=region), account)
    (failed,) = report.failures
    assert (failed.subject, failed.result) == (region, problem)
    assert "zones" in report.unchecked


def test_a_check_without_permission_has_failed(account: Account) -> None:
    with Stubber(account.regions) as stub:
        stub.add_client_error("describe_regions", "UnauthorizedOperation")
        report = preflight.run(of_prod(), account)
    (failed,) = report.failures
    assert failed.result == "not checked: the identity is not allowed to call DescribeRegions"
    assert "ReadOnlyAccess" in failed.remedy


def test_a_check_that_cannot_run_does_not_hide_the_others(account: Account) -> None:
    account.iam.create_service_linked_role(AWSServiceName="spot.amazonaws.com")
    with answering(account), Stubber(account.s3) as stub:
        for _ in of_prod().buckets:
            stub.add_client_error("head_bucket", "ServiceUnavailable", http_status_code=503)
        report = preflight.run(of_prod(), account)
    (failed,) = report.failures
    assert failed.check == "names"
    assert {each.check for each in report.findings} > {"zones", "machine images", "database classes"}
    assert [each.subject for each in report.findings][-1].startswith("log group")
