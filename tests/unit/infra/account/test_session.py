"""Credentials: one line for each reason why they are missing or refused."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSOTokenLoadError
from botocore.stub import Stubber

from infra.account import session
from infra.account.session import Account, CredentialsError, Finding
from tests.unit.infra import demands


def refusal(code: str, operation: str = "DescribeVpcs") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, operation)


def test_credentials_have_an_identity(account: Account) -> None:
    assert session.identify(account).account == demands.ACCOUNT


@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_the_way_to_get_them_is_named() -> None:
    with pytest.raises(CredentialsError, match="no AWS credentials found") as raised:
        session.identify(session.connect("us-east-1"))
    assert "aws sso login" in raised.value.remedy
    assert "AWS_PROFILE" in raised.value.remedy


@pytest.mark.usefixtures("no_credentials")
def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsError, match=r"profile \(nobody\) could not be found: sign in with"):
        session.connect("us-east-1")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", r"have expired \(ExpiredToken\): sign in"),
        ("InvalidClientTokenId", r"AWS refuses the credentials \(InvalidClientTokenId\): sign in"),
    ],
)
def test_expired_and_invalid_credentials_are_distinguished(account: Account, code: str, message: str) -> None:
    with Stubber(account.sts) as stub:
        stub.add_client_error("get_caller_identity", code)
        with pytest.raises(CredentialsError, match=message):
            session.identify(account)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            EndpointConnectionError(endpoint_url="https://sts"),
            "cannot be reached .*: check network and proxy",
        ),
        (SSOTokenLoadError(profile_name="me", error_msg="gone"), "the sign-in has expired .*: sign in with"),
    ],
)
def test_reasons_why_aws_does_not_answer_are_distinguished(
    account: Account, error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(account.sts, "get_caller_identity", fail)
    with pytest.raises(CredentialsError, match=message):
        session.identify(account)


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (
            refusal("UnauthorizedOperation"),
            "not checked: the identity is not allowed to call DescribeVpcs",
            "ReadOnly",
        ),
        (refusal("AuthFailure"), "not checked: AWS refuses the credentials", "sign in"),
        (refusal("Throttling"), "not checked: DescribeVpcs returned Throttling: Throttling it is", "again"),
        (EndpointConnectionError(endpoint_url="https://x"), "not checked: Could not connect", "network"),
    ],
)
def test_a_check_that_could_not_run_says_why(error: ClientError, problem: str, remedy: str) -> None:
    explained, fix = session.explain(error)
    assert explained.startswith(problem)
    assert remedy in fix


def test_only_identity_and_regions_are_read_in_the_home_region(account: Account) -> None:
    there = session.connect("eu-west-1")
    assert {there.sts.meta.region_name, there.regions.meta.region_name} == {"us-east-1"}
    others = (there.ec2, there.ecr, there.eks, there.logs, there.quotas, there.rds, there.s3, there.ssm)
    assert {client.meta.region_name for client in others} == {"eu-west-1"}


def test_a_failure_without_a_remedy_is_refused() -> None:
    with pytest.raises(ValueError, match="remedy: none given for the failed check of g6"):
        Finding("types", "g6", "not offered", failed=True)
