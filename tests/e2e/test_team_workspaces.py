"""To unmodified clients each team's MLflow is an address of its own; nobody reaches another workspace.

`make up STACK=teams`, then `make verify STACK=teams ONLY=teams`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from components.pipelines.pipeline_steps import ACCOUNT, POD_LABELS
from components.serving.model_namespace import STORAGE
from infra.parts.tenant import Tenant
from tests.e2e import flood, probe
from tests.e2e.registry import ask
from tests.e2e.two_teams import Team
from workloads import gateway_access, tokens
from workloads.contract import TRACKING_BUCKET
from workloads.endpoints import Endpoints

pytestmark = [pytest.mark.slow, pytest.mark.teams]

_SLOWER = 3
# What somebody types who has read MLflow's first page, and no experiment.
_STRANGER = """
import json
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("accuracy", 0.5)
    mlflow.log_text("hello", "note.txt")
client = mlflow.MlflowClient()
client.create_registered_model("same-name")
print(json.dumps({
    "run": run.info.run_id,
    "place": run.info.artifact_uri,
    "text": mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt"),
    "experiments": sorted(each.name for each in client.search_experiments()),
    "models": sorted(each.name for each in client.search_registered_models()),
    "experiment": run.info.experiment_id,
}))
client.delete_registered_model("same-name")
"""
_STEP = """
import json, os, sys, urllib.error, urllib.request
def ask(path, **headers):
    request = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + path, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
runs = "/api/2.0/mlflow/runs/get?run_id="
print(json.dumps({
    "own": ask(runs + sys.argv[1]),
    "other": ask(runs + sys.argv[2]),
    "other by header": ask(runs + sys.argv[2], **{"X-MLFLOW-WORKSPACE": sys.argv[3]}),
    "other by a folded header": ask(runs + sys.argv[2], **{"X_MLFLOW_WORKSPACE": sys.argv[3]}),
}))
"""

_KEY = """
import json, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
store = boto3.client("s3", endpoint_url="http://object-store.object-store:9000", region_name=sys.argv[1],
                     config=Config(s3={"addressing_style": "path"}))
def answer(call, **arguments):
    try:
        found = call(Bucket=sys.argv[2], **arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return found["Body"].read().decode() if "Body" in found else "done"
print(json.dumps({key: [
    answer(store.get_object, Key=key),
    answer(store.put_object, Key=key, Body=b"mine"),
] for key in sys.argv[3:]}))
"""


@pytest.fixture(scope="module")
def spaces(teams: list[Team]) -> list[Endpoints]:
    """The endpoints of two teams."""
    return [each.endpoints for each in teams]


@pytest.fixture(scope="module")
def recorded(spaces: list[Endpoints]) -> dict[str, Any]:
    """What an unmodified client says of each team's MLflow."""
    return {each.team: _stranger(each) for each in spaces}


def _address(team: Endpoints) -> str:
    return f"{team.localhost_url}{Tenant(team=team.team).localhost}".rstrip("/")


def _stranger(team: Endpoints) -> Any:
    token = tokens.token(team)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": _address(team)}
    if token:
        environment["MLFLOW_TRACKING_TOKEN"] = token
    done = subprocess.run(
        [sys.executable, "-c", _STRANGER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_client_that_names_no_experiment_writes_to_its_team_alone(recorded: dict[str, Any]) -> None:
    assert {each["text"] for each in recorded.values()} == {"hello"}
    assert len({each["experiment"] for each in recorded.values()}) == len(recorded)
    for team, found in recorded.items():
        assert f"/workspaces/{team}/" in found["place"]
        assert "Default" in found["experiments"]
        assert "same-name" in found["models"]


def test_a_run_of_another_team_does_not_exist(spaces: list[Endpoints], recorded: dict[str, Any]) -> None:
    first, second = spaces
    run = recorded[second.team]["run"]
    assert ask(second, "GET", f"/api/2.0/mlflow/runs/get?run_id={run}").status_code == 200
    assert ask(first, "GET", f"/api/2.0/mlflow/runs/get?run_id={run}").status_code == 404
    change = {"run_id": run, "key": "k", "value": "v"}
    assert ask(first, "POST", "/api/2.0/mlflow/runs/set-tag", json=change).status_code == 404
    own = Endpoints(**{**vars(first), "team": ""})
    assert ask(own, "GET", f"/api/2.0/mlflow/runs/get?run_id={run}").status_code in (403, 404)


def test_no_header_opens_another_workspace(spaces: list[Endpoints], recorded: dict[str, Any]) -> None:
    first, second = spaces
    run = recorded[second.team]["run"]
    path = f"/api/2.0/mlflow/runs/get?run_id={run}"
    assert ask(first, "GET", path, headers={"X-MLFLOW-WORKSPACE": second.team}).status_code == 403
    assert ask(first, "GET", path, headers={"X_MLFLOW_WORKSPACE": second.team}).status_code in (400, 404)
    found = ask(first, "GET", path, headers={"X-MLFLOW-WORKSPACE": first.team})
    assert found.status_code == 404


def test_artifacts_of_others_are_out_of_reach(spaces: list[Endpoints], recorded: dict[str, Any]) -> None:
    first, second = spaces
    place = recorded[second.team]["place"].removeprefix("mlflow-artifacts:/")
    path = f"/api/2.0/mlflow-artifacts/artifacts/{place}/note.txt"
    assert ask(second, "GET", path).text == "hello"
    assert ask(first, "GET", path).status_code == 400
    assert ask(first, "PUT", path, content=b"mine").status_code == 400
    own = path.replace(f"workspaces/{second.team}", f"workspaces/{first.team}/%2e%2e/{second.team}")
    assert ask(first, "GET", own).status_code == 400
    assert ask(second, "GET", path).text == "hello"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/3.0/mlflow/workspaces", 404),
        ("POST", "/api/3.0/mlflow/workspaces", 404),
        ("DELETE", "/api/3.0/mlflow/workspaces/applied", 404),
        ("DELETE", "/api/3.0/mlflow/%77orkspaces/applied", 404),
        ("DELETE", "/ajax-api/3.0//mlflow/workspaces/applied", 404),
        ("GET", "/metrics", 404),
        ("GET", "/gateway/routes", 404),
    ],
)
def test_nobody_makes_or_ends_a_workspace(spaces: list[Endpoints], method: str, path: str, code: int) -> None:
    for team in spaces:
        assert ask(team, method, path).status_code == code


def test_a_page_of_mlflow_changes_things_and_a_page_of_others_does_not(spaces: list[Endpoints]) -> None:
    team = spaces[0]
    path = "/ajax-api/2.0/mlflow/experiments/search"
    own = ask(team, "POST", path, json={"max_results": 5}, headers={"Origin": f"http://{team.tracking_host}"})
    assert own.status_code == 200
    other = ask(team, "POST", path, json={"max_results": 5}, headers={"Origin": "http://evil.example"})
    assert other.status_code == 403


def test_a_step_uses_its_own_workspace_and_no_other(
    spaces: list[Endpoints], recorded: dict[str, Any], api: Any
) -> None:
    for own, other in (spaces, spaces[::-1]):
        found = probe.run(
            api,
            own.pipelines_namespace,
            own.workload_image,
            _STEP,
            recorded[own.team]["run"],
            recorded[other.team]["run"],
            other.team,
            after=f"mlflow-{own.team}.mlflow:5000",
            labels=POD_LABELS,
            serviceAccountName=ACCOUNT,
            env=[{"name": "MLFLOW_TRACKING_URI", "value": f"http://mlflow-{own.team}.mlflow:5000"}],
        )
        assert found == {"own": 200, "other": 404, "other by header": 403, "other by a folded header": 404}


def test_the_key_of_a_teams_models_opens_its_own_folder_alone(
    spaces: list[Endpoints], recorded: dict[str, Any], api: Any
) -> None:
    for own, other in (spaces, spaces[::-1]):
        notes = [
            f"{recorded[each.team]['place'].removeprefix('mlflow-artifacts:/')}/note.txt"
            for each in (own, other)
        ]
        found = probe.run(
            api,
            own.models_namespace,
            own.workload_image,
            _KEY,
            own.object_store_region,
            TRACKING_BUCKET,
            *notes,
            labels=POD_LABELS,
            serviceAccountName=ACCOUNT,
            env=[
                {"name": each, "valueFrom": {"secretKeyRef": {"name": STORAGE, "key": each}}}
                for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
            ],
        )
        assert found == {notes[0]: ["hello", "AccessDenied"], notes[1]: ["AccessDenied", "AccessDenied"]}


def test_a_team_that_floods_its_mlflow_slows_another_by_one_call_at_a_time(spaces: list[Endpoints]) -> None:
    """A call of another team takes at most three times as long as without the flood.

    MLflow answers in one process, and of a flood one call at a time gets there: two calls share its
    processor, which is twice the time. The rest is what client, gateway, gate and proxy of the flood take of
    a machine of two processors. A bound of twice would need a second process of MLflow: 350 MiB, or more.
    """
    first, second = spaces
    path = "/api/2.0/mlflow/experiments/search?max_results=10"

    def p95(count: int) -> float:
        found: list[float] = []
        with httpx.Client(headers=gateway_access.headers(second, second.tracking_host)) as client:
            for _ in range(count):
                start = time.perf_counter()
                client.get(f"{second.gateway_url}{path}", timeout=30).raise_for_status()
                found.append(time.perf_counter() - start)
        return statistics.quantiles(found, n=20)[-1]

    p95(20)
    idle = p95(200)
    with flood.under_way(first, first.tracking_host, path, seconds=15) as answers:
        busy = p95(200)
        codes = answers()
    said = f"p95 {idle * 1000:.1f} ms idle, {busy * 1000:.1f} ms in the flood, which was answered {codes}"
    print(said)
    assert set(codes) == {"200", "429"}, said
    assert busy < _SLOWER * idle, said
