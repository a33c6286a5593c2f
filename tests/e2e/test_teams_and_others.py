"""What one team sees of others, and what it can take from them.

`make up STACK=teams`, then `make verify STACK=teams ONLY=teams`.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager

import httpx
import pytest

from components.access.roles import Role
from components.monitoring.team_metrics import HEADER
from infra.parts.tenant import Tenant
from infra.settings.stack import Settings
from tests.e2e.two_teams import Team, holder_of
from workloads import gateway_access
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.teams]


@pytest.fixture(scope="module")
def views(teams: list[Team], settings: Settings) -> dict[str, Endpoints]:
    """Team -> its endpoints, behind a login."""
    if not settings.identity.enabled:
        pytest.skip("plinth:identity is none: the stack has no login")
    return {each.tenant.team: each.endpoints for each in teams}


@pytest.fixture(scope="module")
def gateway(endpoints: Endpoints) -> Generator[httpx.Client]:
    with httpx.Client(base_url=endpoints.gateway_url, timeout=60, trust_env=False) as connected:
        yield connected


def _member(endpoints: Endpoints, team: str) -> AbstractContextManager[str]:
    """Give the token of an account that is a member of a team, and of nothing else."""
    return holder_of(Role.MEMBER, endpoints, Tenant(team=team).rights_namespace)


def _headers(host: str, token: str) -> dict[str, str]:
    return {"Host": host, "Authorization": f"Bearer {token}"}


def _namespaces(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {each["metric"].get("namespace", "") for each in answer.json()["data"]["result"]}


@pytest.mark.parametrize(
    "query",
    [
        "up",
        "kube_pod_status_phase or pod_memory_working_set_bytes or up",
        '{__name__=~".+"}',
        '{__name__=~".+",namespace=~".*"}',
        'up{namespace!="research"} or up{namespace!="applied"}',
        'kube_deployment_status_replicas_available offset 10s or up{namespace=""}',
    ],
)
def test_a_team_sees_series_of_its_own_namespaces_however_it_asks(
    views: dict[str, Endpoints], gateway: httpx.Client, query: str
) -> None:
    for team, endpoints in views.items():
        known = gateway_access.headers(endpoints, endpoints.prometheus_host)
        for forged in ({}, {HEADER: "kubeflow,monitoring"}, {"Connection": HEADER}):
            headers = {**known, **forged}
            answers = [
                gateway.get("/api/v1/query", params={"query": query}, headers=headers),
                gateway.post("/api/v1/query", data={"query": query}, headers=headers),
            ]
            for answer in answers:
                seen = _namespaces(answer)
                assert seen <= {*Tenant(team=team).namespaces}, (team, query, forged)
                assert seen or "namespace!=" in query


def test_series_of_others_are_not_there_and_its_own_are(
    views: dict[str, Endpoints], gateway: httpx.Client
) -> None:
    for team, endpoints in views.items():
        headers = gateway_access.headers(endpoints, endpoints.prometheus_host)
        for other in (*views, ""):
            name = Tenant(team=other).servers_namespace
            query = {"query": f'kube_deployment_status_replicas_available{{namespace="{name}"}}'}
            seen = _namespaces(gateway.get("/api/v1/query", params=query, headers=headers))
            assert seen == ({name} if other == team else set())
        values = gateway.get("/api/v1/label/namespace/values", headers=headers).json()["data"]
        assert {*values} <= {*Tenant(team=team).namespaces}
        local = f"{endpoints.localhost_url}/teams/{team}/prometheus/api/v1/query"
        token = {"Authorization": headers["Authorization"]}
        assert _namespaces(httpx.get(local, params={"query": "up"}, headers=token, trust_env=False))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/-/quit"),
        ("POST", "/-/reload"),
        ("POST", "/api/v1/admin/tsdb/delete_series"),
        ("GET", "/federate"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/metadata"),
        ("GET", "/api/v1/rules"),
        ("GET", "/api/v1/status/config"),
        ("GET", "/api/v1/targets"),
        ("POST", "/api/v1/query/%2e%2e/%2e%2e/%2e%2e/-/quit"),
    ],
)
def test_a_team_gets_nothing_but_queries(
    views: dict[str, Endpoints], gateway: httpx.Client, method: str, path: str
) -> None:
    for endpoints in views.values():
        headers = gateway_access.headers(endpoints, endpoints.prometheus_host)
        assert gateway.request(method, path, headers=headers).status_code in {400, 404}


def test_a_member_sees_neither_another_teams_metrics_nor_those_of_the_platform(
    views: dict[str, Endpoints], gateway: httpx.Client, endpoints: Endpoints
) -> None:
    own, other = list(views)[:2]
    with _member(endpoints, own) as token:

        def status(host: str) -> int:
            return gateway.get("/api/v1/query?query=up", headers=_headers(host, token)).status_code

        def let_in() -> str | None:
            found = status(views[own].prometheus_host)
            return None if found == 200 else f"HTTP {found}"

        wait_for("the binding", let_in, timeout_seconds=15)
        assert status(views[other].prometheus_host) == 403
        assert status(endpoints.prometheus_host) == 403
