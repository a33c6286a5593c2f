"""What one team asks of another's servers, runs and models is refused, or finds nothing.

`make up STACK=teams`, then `make verify STACK=teams ONLY=teams`.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kfp import compiler, dsl
from kubernetes import client

from components.access.roles import Role
from components.pipelines.pipeline_steps import ACCOUNT, POD_LABELS
from components.serving import model_namespace
from infra.parts.tenant import Tenant
from infra.settings.stack import Settings
from tests.e2e import flood, probe
from tests.e2e.two_teams import Team, client_of, holder_of
from tests.fixtures.admission_cases import RESTRICTED
from workloads import cluster_client, tokens
from workloads.endpoints import Endpoints
from workloads.wait import wait, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.teams]

_RUN_SECONDS = 300
_BINDING_SECONDS = 15
_SLOWER = 1.5
_KUBELET = 10250
_TASKS = """
import json, sys, urllib.request
with urllib.request.urlopen(f"http://{sys.argv[1]}/apis/v1alpha1/tasks?page_size=200", timeout=10) as answer:
    print(json.dumps(answer.read().decode()))
"""
_MLFLOW = """
import json, sys
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
client, name = MlflowClient(), sys.argv[1]
def answer(call, *arguments):
    try:
        call(*arguments)
    except MlflowException as error:
        return str(error)
    return "done"
version = client.search_model_versions(f"name='{name}'")[0].version
print(json.dumps({
    "read": answer(client.get_registered_model, name),
    "search": answer(client.search_runs, ["0"]),
    "run": answer(client.create_run, "0"),
    "alias": answer(client.set_registered_model_alias, name, "champion", version),
    "delete": answer(client.delete_experiment, "0"),
}))
"""


@dsl.component  # pyright: ignore[reportUntypedFunctionDecorator]
def say(word: str) -> str:
    print(f"the word is {word}")
    return word


@dsl.pipeline(name="say")  # pyright: ignore[reportUntypedFunctionDecorator]
def said(word: str = "nothing") -> str:
    step: Any = say
    return step(word=word).output


@pytest.fixture(scope="module")
def words(teams: list[Team]) -> dict[str, tuple[str, str]]:
    """Team -> id of a run that has ended, and the word in the log of its step."""
    pipeline: Any = said
    found = {team.tenant.team: ("", secrets.token_hex(8)) for team in teams}
    for team in teams:
        word = found[team.tenant.team][1]
        run = team.kfp.create_run_from_pipeline_func(pipeline, arguments={"word": word}, enable_caching=False)
        found[team.tenant.team] = (str(run.run_id), word)
    for team in teams:
        ended = team.kfp.wait_for_run_completion(found[team.tenant.team][0], _RUN_SECONDS)
        assert ended.state == "SUCCEEDED", ended.error
    return found


@pytest.fixture(scope="module")
def login(settings: Settings) -> None:
    if not settings.identity.enabled:
        pytest.skip("plinth:identity is none: the stack has no login")


@pytest.fixture(scope="module")
def member(teams: list[Team], endpoints: Endpoints, login: None) -> Generator[str]:
    """The token of a member of the first team."""
    del login
    own = teams[0]
    with holder_of(Role.MEMBER, endpoints, own.tenant.rights_namespace) as token:
        wait_for("the binding", lambda: _unless(own, token, 200), timeout_seconds=_BINDING_SECONDS)
        yield token


def _get(url: str, token: str, **options: Any) -> httpx.Response:
    return httpx.get(
        url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False, **options
    )


def _unless(team: Team, token: str, wanted: int) -> str | None:
    found = _get(f"{team.url}/apis/v2beta1/runs", token).status_code
    return None if found == wanted else f"HTTP {found}, not {wanted}"


def _workflows(endpoints: Endpoints, namespace: str) -> set[str]:
    objects: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    place = ("argoproj.io", "v1alpha1", namespace, "workflows")
    return {each["metadata"]["name"] for each in objects.list_namespaced_custom_object(*place)["items"]}


def test_a_member_runs_nothing_at_another_team(
    teams: list[Team], endpoints: Endpoints, member: str, tmp_path: Path
) -> None:
    own, other = teams
    pipeline: Any = said
    compiler.Compiler().compile(pipeline, str(tmp_path / "said.yaml"))
    spec = yaml.safe_load((tmp_path / "said.yaml").read_text())
    body = {"display_name": "said", "pipeline_spec": {"pipeline_spec": spec, "platform_spec": {}}}
    before = _workflows(endpoints, other.tenant.runs_namespace)

    def submit(url: str) -> httpx.Response:
        # Not by the SDK: its client asks for the server's health first, and takes a refusal for bad health.
        headers = {"Authorization": f"Bearer {member}"}
        return httpx.post(f"{url}/apis/v2beta1/runs", json=body, headers=headers, timeout=30, trust_env=False)

    for url in (other.url, endpoints.localhost_url):
        assert submit(url).status_code == 403
    assert _workflows(endpoints, other.tenant.runs_namespace) == before
    run_id: str = submit(own.url).raise_for_status().json()["run_id"]
    assert client_of(own.url, member).wait_for_run_completion(run_id, _RUN_SECONDS).state == "SUCCEEDED"


def test_a_flood_of_its_pipelines_api_slows_no_run_of_another(teams: list[Team]) -> None:
    """A run of another team takes at most half as long again.

    The two have servers of their own, and share the processors: with two of them, client, gateway and gate of
    the flood take some of what the other's run computes with.
    """
    noisy, quiet = teams
    pipeline: Any = said

    def run_seconds() -> float:
        run = quiet.kfp.create_run_from_pipeline_func(pipeline, enable_caching=False)
        began = time.monotonic()
        assert quiet.kfp.wait_for_run_completion(str(run.run_id), _RUN_SECONDS, 1).state == "SUCCEEDED"
        return time.monotonic() - began

    run_seconds()
    alone = run_seconds()
    host, path = noisy.endpoints.pipelines_host, "/apis/v2beta1/runs?page_size=100"
    with flood.under_way(noisy.endpoints, host, path, seconds=_SLOWER * alone + 10) as answers:
        beside = run_seconds()
        codes = answers()
    result = f"{alone:.1f} s alone, {beside:.1f} s in the flood, which was answered {codes}"
    assert set(codes) == {"200", "429"}, result
    assert beside < _SLOWER * alone, result


def test_a_run_as_another_account_starts_no_pod(teams: list[Team], api: Any) -> None:
    own = teams[0]
    pipeline: Any = said
    for account in ("argo", "ml-pipeline", "default"):
        run = own.kfp.create_run_from_pipeline_func(pipeline, service_account=account, enable_caching=False)
        assert own.kfp.wait_for_run_completion(str(run.run_id), _RUN_SECONDS).state == "FAILED", account
        pods = api.list_namespaced_pod(
            own.tenant.runs_namespace, label_selector=f"pipeline/runid={run.run_id}"
        ).items
        assert [each.metadata.name for each in pods] == [], account


def test_the_log_of_another_teams_step_is_not_found(
    teams: list[Team], words: dict[str, tuple[str, str]], api: Any, member: str
) -> None:
    own, other = teams
    operator = tokens.token(own.endpoints)
    run, word = words[other.tenant.team]
    pods = api.list_namespaced_pod(other.tenant.runs_namespace, label_selector=f"pipeline/runid={run}").items
    steps = [each.metadata.name for each in pods if "system-container-impl" in each.metadata.name]
    assert steps
    for step in steps:
        path = f"/apis/v1alpha1/runs/{run}/nodes/{step}/log"
        # The server answers 200 before it looks; what counts is what it says then.
        assert word in _get(f"{other.url}{path}", operator).text
        assert _get(f"{other.url}{path}", member).status_code == 403
        for token in (operator, member):
            answer = _get(f"{own.url}{path}", token).text
            assert word not in answer
            assert "error" in answer
        # By a run of one's own, the other team's pod.
        mine = f"/apis/v1alpha1/runs/{words[own.tenant.team][0]}/nodes/{step}/log"
        assert word not in _get(f"{own.url}{mine}", operator).text


def test_tasks_are_a_teams_own_and_not_published(
    teams: list[Team], words: dict[str, tuple[str, str]], api: Any
) -> None:
    own, other = teams
    operator = tokens.token(own.endpoints)
    for team in teams:
        assert _get(f"{team.url}/apis/v1alpha1/tasks", operator).status_code == 404
    found: str = probe.run(
        api,
        own.tenant.runs_namespace,
        own.endpoints.workload_image,
        _TASKS,
        f"ml-pipeline.{own.tenant.servers_namespace}:8888",
        after=f"ml-pipeline.{own.tenant.servers_namespace}:8888",
        labels=POD_LABELS,
        serviceAccountName=ACCOUNT,
    )
    assert words[other.tenant.team][0] not in found
    # What the cache of the own team knows, if its runs have been there.
    assert {each["runId"] for each in json.loads(found).get("tasks", [])} <= _runs(own)


def _runs(team: Team) -> set[str]:
    return {each.run_id for each in team.kfp.list_runs(page_size=200).runs or []}


def test_an_unknown_team_is_not_found(teams: list[Team], endpoints: Endpoints) -> None:
    operator = tokens.token(endpoints)
    unknown = f"{endpoints.localhost_url}{Tenant(team='nobody').localhost}/apis/v2beta1/runs"
    assert _get(unknown, operator).status_code == 404
    host = {"Host": f"pipelines-nobody.{endpoints.gateway_domain}", "Authorization": f"Bearer {operator}"}
    url = f"{endpoints.gateway_url}/apis/v2beta1/runs"
    assert httpx.get(url, headers=host, timeout=10, trust_env=False).status_code == 404
    assert _get(f"{teams[0].url}/apis/v2beta1/runs", operator).status_code == 200


def test_a_step_reaches_neither_its_node_nor_the_credentials_of_a_cloud(
    teams: list[Team], endpoints: Endpoints, api: Any
) -> None:
    (node, *_) = api.list_node().items
    kubelet = next(
        f"{each.address}:{_KUBELET}" for each in node.status.addresses if each.type == "InternalIP"
    )
    closed = (kubelet, "169.254.169.254:80", "1.1.1.1:443")
    for team in teams:
        wanted = {**dict.fromkeys(closed, "closed"), "traefik.gateway:80": "open"}
        found = probe.reach(
            api,
            team.tenant.runs_namespace,
            endpoints.workload_image,
            wanted,
            labels=POD_LABELS,
            serviceAccountName=ACCOUNT,
        )
        assert found == wanted, team.tenant.team
    # Where no policy is, a pod reaches it: it is the policy that closes it.
    stranger = f"stranger-{secrets.token_hex(3)}"
    api.create_namespace({"metadata": {"name": stranger}})
    try:
        assert probe.reach(api, stranger, endpoints.workload_image, {kubelet: "open"}) == {kubelet: "open"}
    finally:
        api.delete_namespace(stranger)


@pytest.fixture
def predictor(teams: list[Team], endpoints: Endpoints, api: Any) -> Generator[str]:
    """Address of a pod of the first team that listens where predictors do."""
    namespace, name = teams[0].tenant.models_namespace, f"predictor-{secrets.token_hex(3)}"
    container = {
        "name": "main",
        "image": endpoints.workload_image,
        "command": ["python3", "-m", "http.server", str(model_namespace.PORT)],
        "securityContext": RESTRICTED,
        "readinessProbe": {"tcpSocket": {"port": model_namespace.PORT}, "periodSeconds": 1},
    }
    labels = {**model_namespace.POD_LABELS}
    api.create_namespaced_pod(
        namespace, {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}
    )
    try:

        def address() -> str:
            pod = api.read_namespaced_pod(name, namespace)
            ready = any(each.ready for each in pod.status.container_statuses or [])
            return f"{pod.status.pod_ip}:{model_namespace.PORT}" if ready else ""

        yield wait("the predictor", address, ready=bool, timeout_seconds=120)
    finally:
        api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def test_a_teams_predictor_is_closed_to_pods_of_others(
    teams: list[Team], endpoints: Endpoints, api: Any, predictor: str
) -> None:
    own, other = (team.tenant for team in teams)
    for namespace, state in (
        (own.runs_namespace, "open"),
        (other.runs_namespace, "closed"),
        ("runs", "closed"),
    ):
        wanted = {predictor: state, "traefik.gateway:80": "open"}
        found = probe.reach(
            api,
            namespace,
            endpoints.workload_image,
            wanted,
            labels=POD_LABELS,
            serviceAccountName=ACCOUNT,
        )
        assert found == wanted, namespace


def test_a_viewer_of_the_registry_reads_it_and_changes_nothing(
    teams: list[Team], endpoints: Endpoints, login: None
) -> None:
    del teams, login
    with holder_of(Role.VIEWER, endpoints, endpoints.tracking_namespace) as token:
        url = f"{endpoints.localhost_url}/api/2.0/mlflow/experiments/search?max_results=1"
        wait_for(
            "the binding",
            lambda: None if (found := _get(url, token).status_code) == 200 else f"HTTP {found}",
            timeout_seconds=_BINDING_SECONDS,
        )
        environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": endpoints.localhost_url,
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "no_proxy": "localhost",
        }
        done = subprocess.run(
            [sys.executable, "-c", _MLFLOW, "wine"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-500:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert {name: answer for name, answer in found.items() if answer == "done"} == {
        "read": "done",
        "search": "done",
    }
    for name in ("run", "alias", "delete"):
        assert "403" in found[name], found[name]


def test_no_log_of_a_server_has_a_token(teams: list[Team], api: Any, member: str) -> None:
    own, other = teams
    assert _get(f"{own.url}/apis/v2beta1/runs", member).status_code == 200
    assert _get(f"{other.url}/apis/v2beta1/runs", member).status_code == 403
    # The part of a token with which nobody could make the rest.
    signature = member.rpartition(".")[2]
    namespaces = ("gateway", "identity", *(team.tenant.servers_namespace for team in teams))
    read = 0
    for namespace in namespaces:
        for pod in api.list_namespaced_pod(namespace).items:
            for container in pod.status.container_statuses or []:
                log = api.read_namespaced_pod_log(
                    pod.metadata.name, namespace, container=container.name, _preload_content=False
                ).data.decode(errors="replace")
                read += len(log)
                assert signature not in log, f"{namespace}/{pod.metadata.name}"
                assert "Bearer ey" not in log, f"{namespace}/{pod.metadata.name}"
    assert read > 1000
