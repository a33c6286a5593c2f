"""The gateway's certificate, and images that nodes pull from public registries."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.account import entrance
from infra.account.session import Account, Finding
from tests.unit.infra import demands

ARN = f"arn:aws:acm:us-east-1:{demands.ACCOUNT}:certificate/1"
DEMAND = demands.of_stack("prod", certificate_arn=ARN)


def described(*names: str, status: str = "ISSUED") -> dict[str, Any]:
    return {
        "Certificate": {
            "CertificateArn": ARN,
            "DomainName": names[0],
            "SubjectAlternativeNames": list(names),
            "Status": status,
        }
    }


def found(account: Account, answer: dict[str, Any]) -> Finding:
    with Stubber(account.acm) as stub:
        stub.add_response("describe_certificate", answer, {"CertificateArn": ARN})
        (finding,) = entrance.certificate(account, DEMAND)
    return finding


def test_an_issued_certificate_for_every_host_passes(account: Account) -> None:
    finding = found(account, described("plinth.example.com", "*.plinth.example.com"))
    assert not finding.failed
    assert finding.result == "issued for plinth.example.com, *.plinth.example.com"


@pytest.mark.parametrize("name", ["*.example.com", "plinth.example.com", "*.other.example.com"])
def test_a_certificate_for_another_domain_is_refused(account: Account, name: str) -> None:
    finding = found(account, described(name))
    assert finding.failed
    assert finding.result.startswith(f"is for {name}, not for ")
    assert "mlflow.plinth.example.com" in finding.result
    assert finding.remedy == "request one for *.plinth.example.com, or correct plinth:gateway.certificateArn"


def test_a_certificate_that_waits_for_its_dns_records_is_refused(account: Account) -> None:
    finding = found(account, described("*.plinth.example.com", status="PENDING_VALIDATION"))
    assert finding.failed
    assert "describe-certificate" in finding.remedy


@pytest.mark.parametrize(
    "arn", [ARN.replace("us-east-1", "eu-west-1"), ARN.replace(demands.ACCOUNT, "9" * 12)]
)
def test_a_certificate_of_another_region_or_account_is_refused_without_a_call(
    account: Account, arn: str
) -> None:
    with Stubber(account.acm):
        (finding,) = entrance.certificate(account, demands.of_stack("prod", certificate_arn=arn))
    assert finding.failed
    assert finding.remedy == (f"request one in the stack's account and region ({demands.ACCOUNT}, us-east-1)")


def test_a_certificate_that_the_account_lacks_is_refused(account: Account) -> None:
    (finding,) = entrance.certificate(account, DEMAND)
    assert finding.failed
    assert "list-certificates" in finding.remedy


def test_an_unexpected_error_is_no_missing_certificate(account: Account) -> None:
    with Stubber(account.acm) as stub:
        stub.add_client_error("describe_certificate", "ThrottlingException")
        with pytest.raises(ClientError):
            list(entrance.certificate(account, DEMAND))


def test_a_stack_without_a_certificate_needs_none(account: Account) -> None:
    assert not list(entrance.certificate(account, demands.of_stack("dev")))


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("*.a.example", "mlflow.a.example", True),
        ("*.A.example", "MLFLOW.a.example", True),
        ("*.example", "mlflow.a.example", False),
        ("*.a.example", "a.example", False),
        ("mlflow.a.example", "mlflow.a.example", True),
        ("a.example", "mlflow.a.example", False),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, host: str, expected: bool) -> None:
    assert entrance.covers(name, host) is expected


def test_the_limit_of_anonymous_pulls_is_named_where_it_applies(account: Account) -> None:
    demand = demands.of_stack(
        "dev", public_images={"docker.io": ("traefik",), "quay.io": ("alertmanager", "prometheus")}
    )
    limited, free = entrance.image_pulls(account, demand)
    assert limited.result == (
        "1 images: traefik; at most 100 pulls in 6 hours from each of the stack's 1 address "
        "(images.mirror: true copies them)"
    )
    assert free.result == "2 images: alertmanager, prometheus"


def test_a_stack_with_copies_of_all_images_pulls_from_no_public_registry(account: Account) -> None:
    (found,) = entrance.image_pulls(account, DEMAND)
    assert not DEMAND.public_images
    assert found.result == "none: the stack's registry has copies of all images"
