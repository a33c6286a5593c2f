"""An AWS account as `preflight` reads it: its clients, whose it is, and what its refusals mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from infra.errors import InfraError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

SIGN_IN = (
    "sign in with `aws sso login --profile NAME` (or `aws configure`) and export AWS_PROFILE=NAME, "
    "or export AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
)
# Answers for every region, also one that the account has not enabled.
_HOME_REGION = "us-east-1"
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "AuthFailure"}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class CredentialsError(InfraError):
    """AWS cannot be asked at all; the remedy says how to sign in."""

    def __init__(self, problem: str, remedy: str = SIGN_IN) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who asks."""

    account: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """The services that checks ask; all but `sts` and `regions` in the stack's region."""

    sts: "STSClient"
    regions: "EC2Client"
    ec2: "EC2Client"
    ecr: "ECRClient"
    eks: "EKSClient"
    logs: "CloudWatchLogsClient"
    quotas: "ServiceQuotasClient"
    rds: "RDSClient"
    s3: "S3Client"
    ssm: "SSMClient"


def connect(region: str) -> Account:
    """Return clients with the credentials at hand; nothing is asked yet.

    Raises:
        CredentialsError: the profile that is asked for does not exist.
    """
    quick = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
    try:
        session = boto3.Session()
        there: Mapping[str, Any] = {"region_name": region, "config": quick}
        home: Mapping[str, Any] = {"region_name": _HOME_REGION, "config": quick}
        return Account(
            sts=session.client("sts", **home),
            regions=session.client("ec2", **home),
            ec2=session.client("ec2", **there),
            ecr=session.client("ecr", **there),
            eks=session.client("eks", **there),
            logs=session.client("logs", **there),
            quotas=session.client("service-quotas", **there),
            rds=session.client("rds", **there),
            s3=session.client("s3", **there),
            ssm=session.client("ssm", **there),
        )
    except ProfileNotFound as error:
        raise CredentialsError(str(error)) from None


def identify(account: Account) -> Identity:
    """Return whose credentials these are.

    Raises:
        CredentialsError: there are none, they are not valid, or AWS cannot be reached.
    """
    try:
        found = account.sts.get_caller_identity()
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise CredentialsError(f"no AWS credentials here ({error})") from None
    except (SSOError, TokenRetrievalError) as error:
        raise CredentialsError(f"the sign-in has ended ({error})") from None
    except EndpointConnectionError as error:
        raise CredentialsError(f"AWS cannot be reached ({error})", "check network and proxy") from None
    except ClientError as error:
        code = code_of(error)
        what = "the AWS credentials have expired" if code in _EXPIRED else "AWS refuses the credentials"
        raise CredentialsError(f"{what} ({code})") from None
    except BotoCoreError as error:
        raise CredentialsError(f"AWS gives no identity ({error})") from None
    return Identity(account=found["Account"], arn=found["Arn"])


def code_of(error: ClientError) -> str:
    """Return AWS's name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: ClientError | BotoCoreError) -> tuple[str, str]:
    """Return what kept a check from being made, and what to do."""
    if not isinstance(error, ClientError):
        return f"not checked: {error}", "check network and proxy, then run it again"
    code = code_of(error)
    if code in _FORBIDDEN:
        return (
            f"not checked: the identity may not call {error.operation_name}",
            "allow it, or run preflight as an identity that may read (the policy ReadOnlyAccess does)",
        )
    if code in _UNKNOWN:
        return f"not checked: AWS refuses the credentials ({code})", SIGN_IN
    text = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    return f"not checked: {error.operation_name} answered {code}: {text}", "run it again"
