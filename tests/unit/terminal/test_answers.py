"""Errors of servers as users read them."""

from typing import Any

import httpx
import pytest
import requests
from botocore.exceptions import ClientError
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from mlflow.exceptions import MlflowException, RestException

from terminal import answers
from workloads.errors import WorkloadsError

_FORBIDDEN = 'modelrollouts "wine-v2" is forbidden: User "ann" cannot get resource'


def _answered(status: int, body: str = "", reason: str = "") -> ApiException:
    error: Any = ApiException(status=status, reason=reason)
    error.body = body
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            _answered(403, f'{{"message": "{_FORBIDDEN.replace(chr(34), chr(92) + chr(34))}"}}'),
            f"the Kubernetes API answers 403: {_FORBIDDEN}; "
            "sign in, or use a kubeconfig, as somebody who may do this",
        ),
        (
            _answered(500, "upstream connect error", reason="Internal Server Error"),
            "the Kubernetes API answers 500: Internal Server Error",
        ),
        (
            ConfigException("Invalid kube-config file. No configuration found."),
            "the Kubernetes API: Invalid kube-config file. No configuration found.; "
            "is it up, and reachable from here?",
        ),
        (
            RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run\nr1"}),
            "MLflow answers 404: RESOURCE_DOES_NOT_EXIST: no run r1",
        ),
        (
            requests.ConnectionError("refused"),
            "the platform: refused; is it up, and reachable from here?",
        ),
        (httpx.ReadTimeout(""), "the platform: ReadTimeout; is it up, and reachable from here?"),
    ],
    ids=["forbidden", "no JSON", "no kubeconfig", "MLflow", "refused", "no text"],
)
def test_what_a_server_answers_is_one_line(error: Exception, line: str) -> None:
    assert answers.said(error) == line


def test_an_answer_of_the_object_store_is_one_line() -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "GetObject")
    found = answers.said(error)
    assert found is not None
    assert found.startswith("the object store")
    assert "AccessDenied" in found


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), WorkloadsError("x"), OSError("x")])
def test_a_fault_of_the_program_is_none(error: Exception) -> None:
    assert answers.said(error) is None
    assert answers.said(MlflowException("x")) is not None
