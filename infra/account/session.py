"""The AWS account that `preflight` reads: boto3 clients, caller identity, findings and readable errors."""

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
# Answers for all regions, including those that the account has not enabled.
_HOME_REGION = "us-east-1"
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "AuthFailure"}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class CredentialsError(InfraError):
    """AWS cannot be called at all; the remedy says how to sign in."""

    def __init__(self, problem: str, remedy: str = SIGN_IN) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Identity of the caller."""

    account: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """Clients of the services that checks call; all but `sts`, `regions` and `iam` in the stack's region."""

    sts: "STSClient"
    regions: "EC2Client"
    # The stubs of boto3 that this repository installs lack these four.
    acm: Any
    iam: Any
    kms: Any
    tagging: Any
    ec2: "EC2Client"
    ecr: "ECRClient"
    eks: "EKSClient"
    logs: "CloudWatchLogsClient"
    quotas: "ServiceQuotasClient"
    rds: "RDSClient"
    s3: "S3Client"
    ssm: "SSMClient"


@dataclass(frozen=True)
class Finding:
    """Result of one check for one subject; a failure includes its remedy."""

    check: str
    subject: str
    """What was checked: a zone, an instance type, a quota, a name."""
    result: str
    remedy: str = ""
    failed: bool = False

    def __post_init__(self) -> None:
        """Refuse a failure without a remedy."""
        if self.failed and not self.remedy:
            raise ValueError(f"remedy: none given for the failed check of {self.subject}")


def connect(region: str) -> Account:
    """Return clients that use the credentials of this environment; makes no call.

    Raises:
        CredentialsError: the configured profile does not exist.
    """
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
    try:
        session = boto3.Session()
        regional: Mapping[str, Any] = {"region_name": region, "config": config}
        home: Mapping[str, Any] = {"region_name": _HOME_REGION, "config": config}
        return Account(
            sts=session.client("sts", **home),
            regions=session.client("ec2", **home),
            acm=session.client("acm", **regional),
            iam=session.client("iam", **home),
            kms=session.client("kms", **regional),
            ec2=session.client("ec2", **regional),
            ecr=session.client("ecr", **regional),
            eks=session.client("eks", **regional),
            logs=session.client("logs", **regional),
            quotas=session.client("service-quotas", **regional),
            rds=session.client("rds", **regional),
            s3=session.client("s3", **regional),
            ssm=session.client("ssm", **regional),
            tagging=session.client("resourcegroupstaggingapi", **regional),
        )
    except ProfileNotFound as error:
        raise CredentialsError(str(error)) from None


def identify(account: Account) -> Identity:
    """Return the identity that the credentials belong to.

    Raises:
        CredentialsError: there are no credentials, they are not valid, or AWS cannot be reached.
    """
    try:
        caller = account.sts.get_caller_identity()
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise CredentialsError(f"no AWS credentials found ({error})") from None
    except (SSOError, TokenRetrievalError) as error:
        raise CredentialsError(f"the sign-in has expired ({error})") from None
    except EndpointConnectionError as error:
        raise CredentialsError(f"AWS cannot be reached ({error})", "check network and proxy") from None
    except ClientError as error:
        code = code_of(error)
        what = "the AWS credentials have expired" if code in _EXPIRED else "AWS refuses the credentials"
        raise CredentialsError(f"{what} ({code})") from None
    except BotoCoreError as error:
        raise CredentialsError(f"AWS returned no identity ({error})") from None
    return Identity(account=caller["Account"], arn=caller["Arn"])


def code_of(error: ClientError) -> str:
    """Return AWS's code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: ClientError | BotoCoreError) -> tuple[str, str]:
    """Return why a check could not run, and the remedy."""
    if not isinstance(error, ClientError):
        return f"not checked: {error}", "check network and proxy, then run preflight again"
    code = code_of(error)
    if code in _FORBIDDEN:
        return (
            f"not checked: the identity is not allowed to call {error.operation_name}",
            "allow it, or run preflight with read access (the policy ReadOnlyAccess is enough)",
        )
    if code in _UNKNOWN:
        return f"not checked: AWS refuses the credentials ({code})", SIGN_IN
    text = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    return f"not checked: {error.operation_name} returned {code}: {text}", "run preflight again"
