"""Credentials: each way not to have them, told in one line."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSOTokenLoadError
from botocore.stub import Stubber

from infra.account import session
from infra.account.session import Account, CredentialsError
from tests.unit.infra import demands


def refusal(code: str, operation: str = "DescribeVpcs") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, operation)


def test_credentials_tell_whose_they_are(account: Account) -> None:
    assert session.identify(account).account == demands.ACCOUNT


@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_the_way_to_get_them_is_named() -> None:
    with pytest.raises(CredentialsError, match="no AWS credentials here") as raised:
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
def test_credentials_that_are_no_longer_valid_are_told_apart(
    account: Account, code: str, message: str
) -> None:
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
        (SSOTokenLoadError(profile_name="me", error_msg="gone"), "the sign-in has ended .*: sign in with"),
    ],
)
def test_what_keeps_aws_from_answering_is_told_apart(
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
        (refusal("UnauthorizedOperation"), "not checked: the identity may not call DescribeVpcs", "ReadOnly"),
        (refusal("AuthFailure"), "not checked: AWS refuses the credentials", "sign in"),
        (refusal("Throttling"), "not checked: DescribeVpcs answered Throttling: Throttling it is", "again"),
        (EndpointConnectionError(endpoint_url="https://x"), "not checked: Could not connect", "network"),
    ],
)
def test_a_check_that_could_not_be_made_says_why(error: ClientError, problem: str, remedy: str) -> None:
    found = session.explain(error)
    assert found[0].startswith(problem)
    assert remedy in found[1]


def test_only_who_asks_and_which_regions_there_are_is_asked_at_home(account: Account) -> None:
    there = session.connect("eu-west-1")
    assert {there.sts.meta.region_name, there.regions.meta.region_name} == {"us-east-1"}
    others = (there.ec2, there.ecr, there.eks, there.logs, there.quotas, there.rds, there.s3, there.ssm)
    assert {client.meta.region_name for client in others} == {"eu-west-1"}
