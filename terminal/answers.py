"""What servers answered, for errors that their client libraries raise."""

import json
from collections.abc import Mapping
from typing import Final

_MOST_CHARACTERS: Final = 500
# By the package of an error's class: nothing has to import all of these clients to recognise their errors.
_SERVERS: Final[Mapping[str, str]] = {
    "kubernetes": "the Kubernetes API",
    "kfp_server_api": "the pipelines API",
    "mlflow": "MLflow",
    "botocore": "the object store",
    "boto3": "the object store",
    "requests": "the platform",
    "urllib3": "the platform",
    "httpx": "the platform",
}
_REFUSED: Final = frozenset({401, 403})


def said(error: BaseException) -> str | None:
    """Return in one line what a server answered; None for an error of another kind."""
    packages = {each.__module__.partition(".")[0] for each in type(error).__mro__}
    server = next((name for package, name in _SERVERS.items() if package in packages), None)
    if server is None:
        return None
    status = getattr(error, "status", None) or getattr(error, "get_http_status_code", lambda: None)()
    is_refused = status in _REFUSED
    remedy = "; sign in, or use a kubeconfig, as somebody who may do this" if is_refused else ""
    if not status:
        remedy = "; is it up, and reachable from here?"
    text = message(error)[:_MOST_CHARACTERS] or type(error).__name__
    return f"{server}{f' answers {status}' if status else ''}: {text}{remedy}"


def message(error: BaseException) -> str:
    """Return in one line the sentence of a Kubernetes Status or of a pipelines API, else the error's text."""
    try:
        answer = json.loads(getattr(error, "body", ""))
        text = str(answer.get("message") or answer["error"])
    except (TypeError, ValueError, KeyError, AttributeError):
        text = str(getattr(error, "reason", None) or error)
    return " ".join(text.split())
