"""Tokens by which a platform with a login knows who sends a request.

Somebody who has signed in at the company's issuer has a token of their own. Whoever else has the platform's
kubeconfig may issue tokens of its operator's account. A step of a pipeline has a token of its own account, in
a file that the kubelet renews. Without a login no token is needed or sent.
"""

import time
from pathlib import Path
from typing import Any, Final

from workloads.contract import STEP_TOKEN, TOKEN_AUDIENCE
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_SECONDS: Final = 3600
# A request that starts with a token may take a while.
_LEFT_SECONDS: Final = 300
# Kubeconfig and account -> token, and when it was issued.
_ISSUED: Final[dict[tuple[str, str], tuple[str, float]]] = {}


def headers(endpoints: Endpoints) -> dict[str, str]:
    """Return the header that shows who sends a request; empty on a platform without a login.

    Raises:
        WorkloadsError: the login at the issuer has ended, or the Kubernetes API issues no token.
    """
    found = token(endpoints)
    return {"Authorization": f"Bearer {found}"} if found else {}


def token(endpoints: Endpoints) -> str:
    """Return a token that is valid for minutes to come; empty on a platform without a login.

    Raises:
        WorkloadsError: the login at the issuer has ended, or the Kubernetes API issues no token.
    """
    if not endpoints.identity_account:
        return ""
    if Path(STEP_TOKEN).is_file():
        return Path(STEP_TOKEN).read_text().strip()
    if endpoints.identity_issuer:
        # Most platforms' clients sign in nowhere.
        from workloads import logins

        if found := logins.token(endpoints):
            return found
    return _of_operator(endpoints)


def _of_operator(endpoints: Endpoints) -> str:
    key = (endpoints.kubeconfig, endpoints.identity_account)
    known, issued = _ISSUED.get(key, ("", 0.0))
    if not known or time.monotonic() - issued > _SECONDS - _LEFT_SECONDS:
        try:
            known, issued = _issue(*key), time.monotonic()
        except WorkloadsError as error:
            if not endpoints.identity_issuer:
                raise
            raise WorkloadsError(f"{error}, or sign in with `python -m workloads login`") from None
        _ISSUED[key] = known, issued
    return known


def _issue(kubeconfig: str, account: str) -> str:
    # Every client of the gateway imports this module, and most platforms' clients need no token.
    from kubernetes import client
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    from workloads import cluster_client

    namespace, _, name = account.partition("/")
    spec = {"audiences": [TOKEN_AUDIENCE], "expirationSeconds": _SECONDS}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        api: Any = client.CoreV1Api(cluster_client.connect(kubeconfig))
        answer = api.create_namespaced_service_account_token(name, namespace, body, _request_timeout=20)
    except client.ApiException as error:
        raise WorkloadsError(
            f"no token of account {account}: the Kubernetes API answers {error.status} ({error.reason}); "
            "use a kubeconfig that may create serviceaccounts/token there"
        ) from None
    except (HTTPError, ConfigException) as error:
        raise WorkloadsError(
            f"no token of account {account}: {kubeconfig} reaches no Kubernetes API ({type(error).__name__})"
        ) from None
    return str(answer.status.token)
