"""In front of MLflow: its pages work in a browser, and a client cannot leave its workspace."""

import pytest

from tests.e2e.registry import ask
from workloads.endpoints import Endpoints

_SEARCH = "/ajax-api/2.0/mlflow/experiments/search"


def test_a_page_of_mlflow_changes_things_and_a_page_of_others_does_not(endpoints: Endpoints) -> None:
    # Browsers send it with every request of a page that is no GET.
    own = {"Origin": f"http://{endpoints.tracking_host}"}
    assert ask(endpoints, "POST", _SEARCH, own, json={"max_results": 5}).status_code == 200
    other = {"Origin": "http://evil.example"}
    assert ask(endpoints, "POST", _SEARCH, other, json={"max_results": 5}).status_code == 403


def test_a_client_is_not_asked_for_a_workspace_and_gets_no_other(endpoints: Endpoints) -> None:
    info = ask(endpoints, "GET", "/api/3.0/mlflow/server-info").json()
    assert info["workspaces_enabled"] is False
    path = f"{_SEARCH}?max_results=5"
    assert ask(endpoints, "GET", path, {"X-MLFLOW-WORKSPACE": "default"}).status_code == 200
    refused = ask(endpoints, "GET", path, {"X-MLFLOW-WORKSPACE": "research"})
    assert refused.status_code == 403
    assert refused.json()["message"] == "this address serves one workspace: remove MLFLOW_WORKSPACE"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/3.0/mlflow/workspaces", 404),
        ("POST", "/api/3.0/mlflow/workspaces", 404),
        ("DELETE", "/ajax-api/3.0/mlflow/workspaces/default", 404),
        ("DELETE", "/api/3.0/mlflow/%77orkspaces/default", 404),
    ],
)
def test_nobody_makes_or_ends_a_workspace(endpoints: Endpoints, method: str, path: str, code: int) -> None:
    assert ask(endpoints, method, path).status_code == code
