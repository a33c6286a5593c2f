import json
import re
from typing import Any

import pytest

from components.shapes import network_policies
from components.tracking import workspace_proxy
from components.tracking.team_workspace import TeamWorkspace, TeamWorkspaceArgs
from components.tracking.workspace_proxy import (
    PUBLISHED,
    SERVER_INFO,
    WorkspaceProxyArgs,
    config,
    known_hosts,
)
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

CLIENTS = (network_policies.in_namespace("research"),)


def args(**changes: Any) -> WorkspaceProxyArgs:
    plain: dict[str, Any] = {
        "image": "plinth/haproxy:abc",
        "workspace": "research",
        "server": "mlflow-server",
        "clients": CLIENTS,
        "multipart": False,
        "gateway": sample.GATEWAY,
        "host": "mlflow-research",
        "localhost": "/teams/research",
    }
    return WorkspaceProxyArgs(**{**plain, **changes})


def deployed(*, preview: bool = False, **changes: Any) -> Deployment[TeamWorkspace]:
    made = TeamWorkspaceArgs(namespace="mlflow", proxy=args(**changes), after=())
    return deploy(lambda: TeamWorkspace("mlflow-research", made), preview=preview)


def text(deployment: Deployment[TeamWorkspace]) -> str:
    return deployment.one("ConfigMap").inputs["data"]["haproxy.cfg"]


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "TeamWorkspace")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)


def test_every_request_gets_the_proxys_own_workspace_and_one_for_another_is_refused() -> None:
    lines = [each.strip() for each in text(deployed()).splitlines()]
    assert "http-request set-header X-MLFLOW-WORKSPACE research" in lines
    (refused,) = [each for each in lines if "PERMISSION_DENIED" in each]
    assert refused.endswith("if named !own")
    assert "acl own req.hdr(X-MLFLOW-WORKSPACE) -m str research" in lines
    # A rule takes effect in its place: nothing goes on before it is refused.
    assert lines.index(refused) < lines.index("http-request set-header X-MLFLOW-WORKSPACE research")


@pytest.mark.parametrize(
    "path",
    [
        "/api/3.0/mlflow/%77orkspaces",
        "/api/3.0//mlflow/workspaces",
        "/api/3.0/x/../mlflow/workspaces",
        "/api/3.0/mlflow/./workspaces",
        "/api/3.0/mlflow%2Fworkspaces",
    ],
)
def test_a_path_that_a_server_may_read_otherwise_is_refused(path: str) -> None:
    assert re.search(_pattern("send it plain"), path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/runs/search",
        "/api/2.0/mlflow-artifacts/artifacts/workspaces/research/1/a%20file%28b%29%25.txt",
        "/api/2.0/mlflow-artifacts/artifacts/1/%E4%BD%A0.txt",
        "/get-artifact",
    ],
)
def test_paths_of_clients_pass(path: str) -> None:
    assert not re.search(_pattern("send it plain"), path)


def _pattern(message: str) -> str:
    (line,) = [each for each in text(deployed()).splitlines() if message in each]
    found = re.search(r"if \{ path_reg (\S+) \}", line)
    assert found
    return found[1]


def test_names_of_other_servers_are_refused() -> None:
    (line,) = [each for each in text(deployed()).splitlines() if "acl known" in each]
    names = line.split("-m str ")[1].split()
    assert names == known_hosts("mlflow-research", "mlflow", ["mlflow-research.plinth.localhost"])
    assert "mlflow" not in names


def test_what_clients_read_of_the_server_has_every_field_of_mlflows(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.server import handlers
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    monkeypatch.setattr(handlers, "_get_tracking_store", lambda: SqlAlchemyStore.__new__(SqlAlchemyStore))
    monkeypatch.setenv("MLFLOW_ENABLE_AI_GATEWAY", "false")
    wanted = handlers.build_server_info_payload()
    (line,) = [each for each in text(deployed()).splitlines() if "server-info" in each]
    given = json.loads(line.split("string '")[1].split("' if")[0])
    assert given == {**wanted, "workspaces_enabled": False}
    assert SERVER_INFO.items() <= given.items()


@pytest.mark.parametrize("multipart", [True, False])
def test_clients_send_parts_only_where_they_reach_the_object_store(multipart: bool) -> None:
    rendered = config(workspace="a", hosts=["b"], server="c:5000", multipart=multipart)
    assert rendered.count(f'"multipart_uploads_enabled": {str(multipart).lower()}') == 1


def test_of_a_flood_one_call_at_a_time_gets_to_the_server() -> None:
    lines = [each.strip() for each in text(deployed()).splitlines()]
    most = {
        lines[place - 1]: re.findall(r"maxconn (\d+)", each)
        for place, each in enumerate(lines)
        if each.startswith("server mlflow ")
    }
    assert most == {"backend calls": ["1"], "backend spare": ["1"], "backend transfers": ["16"]}
    # The second one takes what finds it free, and is left alone once calls queue up.
    assert "use_backend spare if busy !flood !doubled" in lines
    assert {each for each in lines if each.startswith(("acl busy", "acl flood", "acl doubled"))} == {
        "acl busy be_conn(calls) ge 1",
        "acl flood queue(calls) ge 8",
        "acl doubled be_conn(spare) ge 1",
    }
    assert lines.index("use_backend transfers if transfer") < lines.index(
        "use_backend spare if busy !flood !doubled"
    )
    assert [each for each in lines if '"REQUEST_LIMIT_EXCEEDED"' in each and "queue(calls) ge 128" in each]


def test_another_configuration_is_another_pod() -> None:
    one, other = (deployed(multipart=each) for each in (True, False))
    names = [each.one("ConfigMap").inputs["metadata"]["name"] for each in (one, other)]
    assert names[0] != names[1]
    (volume,) = one.pods()["mlflow-research-proxy-server"]["volumes"]
    assert volume["configMap"]["name"] == names[0]


def test_the_team_and_the_gateway_alone_may_connect() -> None:
    policy = rules.policies(deployed())["mlflow-research-proxy"]
    (rule,) = policy["ingress"]
    namespaces = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in rule["from"]
    ]
    assert namespaces == ["research", "gateway"]
    (out,) = policy["egress"]
    assert out["to"] == [
        {
            "podSelector": {
                "matchLabels": {
                    "app.kubernetes.io/name": "mlflow",
                    "app.kubernetes.io/component": "server",
                }
            }
        }
    ]


def test_it_is_published_by_name_and_below_the_path_of_the_team() -> None:
    deployment = deployed()
    kind = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
    route = deployment.one(kind, "mlflow-research-route").inputs["spec"]
    assert route["hostnames"] == ["mlflow-research.plinth.localhost"]
    assert route["rules"][0]["backendRefs"] == [{"name": "mlflow-research", "port": 5000}]
    local = deployment.one(kind, "mlflow-research-route-localhost").inputs["spec"]
    # The Gateway API takes no more of them.
    assert len(local["rules"]) <= 16
    paths = [match["path"]["value"] for rule in local["rules"] for match in rule["matches"]]
    assert paths == [f"/teams/research{each}" for each in (*PUBLISHED.below, *PUBLISHED.exact)]
    assert deployment.output("mlflow-research") == {"tracking_uri": "http://mlflow-research.mlflow:5000"}


def test_without_a_gateway_nothing_is_published() -> None:
    assert not deployed(gateway=None).of_type("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")


def test_replicas_serve_through_rollouts_and_drains() -> None:
    spec = deployed(replicas=2).one("Deployment").inputs["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(
    ("change", "message"), [({"replicas": 0}, "replicas: 0"), ({"clients": ()}, "clients: none")]
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        args(**change)


def test_pods_of_a_proxy_are_those_that_the_server_admits() -> None:
    labels = deployed().one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert workspace_proxy.POD_LABELS.items() <= labels.items()


def test_what_mlflow_serves_is_published_except_metrics_and_calls_to_elsewhere() -> None:
    from mlflow.server import app, artifact_router, job_api, otel_api, server_info_api

    routers = (
        artifact_router.artifact_router,
        job_api.job_api_router,
        otel_api.otel_router,
        server_info_api.server_info_router,
    )
    served = {rule.rule for rule in app.url_map.iter_rules()}
    served |= {str(getattr(route, "path", "")) for router in routers for route in router.routes}
    served -= {"/metrics"}
    kind = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
    route = deployed().one(kind, "mlflow-research-route")
    (rule,) = route.inputs["spec"]["rules"]
    matches = [(match["path"]["type"], match["path"]["value"]) for match in rule["matches"]]

    def published(path: str) -> bool:
        return any(
            path == value or (kind == "PathPrefix" and path.startswith(f"{value}/"))
            for kind, value in matches
        )

    assert [path for path in sorted(served) if not published(path)] == []
    assert not any(published(path) for path in ("/metrics", "/gateway/openai/v1/chat", "/anything"))
