"""Two teams on one platform: each has pipelines and models, and neither reaches the other's.

`make up STACK=teams`, then `make verify STACK=teams ONLY=teams`.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from kfp import dsl
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.access.roles import Role
from components.pipelines.pipeline_steps import ACCOUNT, POD_LABELS
from infra.parts.tenant import Tenant
from infra.settings.stack import Settings
from tests.e2e import probe
from tests.e2e.two_teams import Team, client_of
from workloads import cluster_client, gateway_access, tokens
from workloads.contract import OBJECT_STORE_SECRET, TOKEN_AUDIENCE
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.teams]

_RUN_SECONDS = 300
_BUCKETS = """
import json, os, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
store = boto3.client("s3", endpoint_url=sys.argv[1], region_name=sys.argv[2],
                     config=Config(s3={"addressing_style": "path"}))
def answer(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
print(json.dumps({bucket: [
    answer(store.put_object, Bucket=bucket, Key="probe", Body=b"1"),
    answer(store.list_objects_v2, Bucket=bucket),
    answer(store.delete_bucket, Bucket=bucket),
] for bucket in sys.argv[3:]}))
"""


@dsl.component  # pyright: ignore[reportUntypedFunctionDecorator]
def double(number: int) -> int:
    return 2 * number


@dsl.pipeline(name="double")  # pyright: ignore[reportUntypedFunctionDecorator]
def doubled(number: int = 21) -> int:
    step: Any = double
    return step(number=number).output


def test_each_team_runs_a_stock_component_and_sees_its_own_runs_alone(teams: list[Team]) -> None:
    pipeline: Any = doubled
    runs = {
        team.tenant.team: str(
            team.kfp.create_run_from_pipeline_func(pipeline, arguments={"number": 21}).run_id
        )
        for team in teams
    }
    for team in teams:
        run = runs[team.tenant.team]
        assert team.kfp.wait_for_run_completion(run, _RUN_SECONDS).state == "SUCCEEDED"
    for team in teams:
        seen = {each.run_id for each in team.kfp.list_runs(page_size=100).runs or []}
        assert runs[team.tenant.team] in seen
        for other in teams:
            if other is not team:
                assert runs[other.tenant.team] not in seen
    own = client_of(teams[0].endpoints.localhost_url, tokens.token(teams[0].endpoints))
    assert not {*runs.values()} & {each.run_id for each in own.list_runs(page_size=100).runs or []}


def test_a_step_reaches_its_own_servers_and_none_of_another_team(teams: list[Team], api: Any) -> None:
    for team in teams:
        namespace, image = team.tenant.runs_namespace, team.endpoints.workload_image
        servers = {each: team.tenant.servers_namespace == each for each in _servers(teams)}
        wanted = {
            f"{host}.{each}:{port}": "open" if mine else "closed"
            for each, mine in servers.items()
            for host, port in (("ml-pipeline", 8888), ("ml-pipeline", 8887), ("metadata-grpc-service", 8080))
        }
        wanted |= dict.fromkeys(("mysql.kubeflow:3306", "postgres-rw.databases:5432"), "closed")
        wanted |= {
            f"{each}.mlflow:5000": "open" if each == team.tenant.tracking else "closed"
            for each in ("mlflow", "mlflow-server", *(other.tenant.tracking for other in teams))
        }
        wanted |= {"traefik.gateway:80": "open"}
        found = probe.reach(api, namespace, image, wanted, labels=POD_LABELS, serviceAccountName=ACCOUNT)
        assert found == wanted, team.tenant.team


def _servers(teams: list[Team]) -> list[str]:
    return [Tenant().servers_namespace, *(each.tenant.servers_namespace for each in teams)]


def test_a_step_writes_to_its_own_bucket_and_reads_no_other(teams: list[Team], api: Any) -> None:
    buckets = ["pipelines", "mlflow", *(team.tenant.bucket for team in teams)]
    for team in teams:
        found = probe.run(
            api,
            team.tenant.runs_namespace,
            team.endpoints.workload_image,
            _BUCKETS,
            "http://object-store.object-store:9000",
            team.endpoints.object_store_region,
            *buckets,
            labels=POD_LABELS,
            serviceAccountName=ACCOUNT,
            env=[
                _from_secret("AWS_ACCESS_KEY_ID", "accesskey"),
                _from_secret("AWS_SECRET_ACCESS_KEY", "secretkey"),
            ],
        )
        refused = ["AccessDenied"] * 3
        assert found == {
            each: ["done", "done", "AccessDenied"] if each == team.tenant.bucket else refused
            for each in buckets
        }


def _from_secret(name: str, key: str) -> dict[str, object]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": OBJECT_STORE_SECRET, "key": key}}}


def test_the_account_of_steps_may_do_nothing_elsewhere(teams: list[Team], endpoints: Endpoints) -> None:
    connected = cluster_client.connect(endpoints.kubeconfig)
    team = teams[0].tenant
    connected.set_default_header("Impersonate-User", f"system:serviceaccount:{team.runs_namespace}:{ACCOUNT}")
    reader = client.CoreV1Api(connected)
    elsewhere = {*_servers(teams), *(each.tenant.runs_namespace for each in teams[1:]), "runs"}
    for namespace in sorted(elsewhere):
        for call in (reader.list_namespaced_secret, reader.list_namespaced_pod):
            with pytest.raises(ApiException) as refused:
                call(namespace)
            assert refused.value.status == 403, namespace
    with pytest.raises(ApiException) as refused:
        reader.list_namespaced_secret(team.runs_namespace)
    assert refused.value.status == 403


def test_a_team_trains_and_serves_a_model_of_its_own(
    teams: list[Team], stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = teams[0]
    # MLflow's client takes a token from there alone.
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens.token(team.endpoints))
    name = f"{team.tenant.team}-wine"
    command = [sys.executable, "-m", "workloads", "run", "train_register_serve", "--data", "wine"]
    where = ["--stack", stack, "--team", team.tenant.team, "--name", name]
    done = subprocess.run([*command, *where], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    answer = _predict(team.endpoints, name)
    assert answer.status_code == 200
    assert [each.name for each in team.mlflow.search_registered_models()] == [name]
    assert not [each for each in teams[1].mlflow.search_registered_models() if each.name == name]
    assert len(answer.json()["predictions"]) == 1
    # The same name in another team's domain is nobody's.
    assert _predict(teams[1].endpoints, name).status_code == 404


def test_a_member_is_let_in_by_a_binding_and_out_by_its_end(
    teams: list[Team], settings: Settings, endpoints: Endpoints, api: Any
) -> None:
    if not settings.identity.enabled:
        pytest.skip("plinth:identity is none: the stack has no login")
    rights = client.RbacAuthorizationV1Api(cluster_client.connect(endpoints.kubeconfig))
    own, other = teams
    namespace, name = own.tenant.rights_namespace, f"member-{secrets.token_hex(3)}"
    api.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    try:
        request = {"spec": {"audiences": [TOKEN_AUDIENCE], "expirationSeconds": 600}}
        issued: Any = api.create_namespaced_service_account_token(name, namespace, request)
        token: str = issued.status.token
        assert _status(own.url, "") == _status(other.url, "") == 401
        assert _status(own.url, token) == 403
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": Role.MEMBER}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        rights.create_namespaced_role_binding(namespace, binding)
        # Decisions count for ten seconds.
        wait_for(
            "the binding", lambda: _unless(own.url, token, 200), timeout_seconds=12, interval_seconds=0.2
        )
        assert (client_of(own.url, token).list_runs().runs or [])[0].run_id
        assert _status(other.url, token) == _status(endpoints.localhost_url, token) == 403
        rights.delete_namespaced_role_binding(name, namespace)
        wait_for("its end", lambda: _unless(own.url, token, 403), timeout_seconds=12, interval_seconds=0.2)
    finally:
        api.delete_namespaced_service_account(name, namespace)
    wait_for("the account's end", lambda: _unless(own.url, token, 401), timeout_seconds=65)


def _status(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"{url}/apis/v2beta1/runs", headers=headers, timeout=10).status_code


def _unless(url: str, token: str, wanted: int) -> str | None:
    found = _status(url, token)
    return None if found == wanted else f"{found}, not {wanted}"


def _predict(endpoints: Endpoints, name: str) -> httpx.Response:
    from sklearn.datasets import load_wine

    table: Any = load_wine()
    return httpx.post(
        f"{endpoints.gateway_url}/v1/models/{name}:predict",
        headers=gateway_access.headers(endpoints, endpoints.model_host(name)),
        json={"instances": [[float(each) for each in table.data[0]]]},
        timeout=30,
    )


def test_a_full_quota_refuses_the_next_and_the_other_team_goes_on(
    teams: list[Team], endpoints: Endpoints
) -> None:
    def service(namespace: str, name: str) -> Mapping[str, object]:
        place = f"s3://mlflow/workspaces/{namespace}/nothing"
        model = {"modelFormat": {"name": "mlflow"}, "storageUri": place}
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"predictor": {"model": model}},
        }

    objects: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))

    def create(namespace: str, name: str) -> None:
        place = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices")
        objects.create_namespaced_custom_object(*place, service(namespace, name))

    research, applied = (team.tenant.models_namespace for team in teams)
    made: list[tuple[str, str]] = []
    try:
        create(applied, "first")
        made.append((applied, "first"))
        with pytest.raises(ApiException) as refused:
            create(applied, "second")
        assert refused.value.status == 403
        assert "exceeded quota: team" in json.loads(str(refused.value.body))["message"]
        for name in ("first", "second"):
            create(research, name)
            made.append((research, name))
        with pytest.raises(ApiException, match="no model is called pipelines"):
            create(research, "pipelines")
    finally:
        for namespace, name in made:
            place = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices", name)
            objects.delete_namespaced_custom_object(*place)
