import dataclasses

import pytest

from components.monitoring.team_metrics import HEADER, TeamMetrics, TeamMetricsArgs, TeamView
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample


def view(team: str) -> TeamView:
    return TeamView(
        host=f"prometheus-{team}",
        localhost=f"/teams/{team}/prometheus",
        namespaces=(team, f"pipelines-{team}"),
    )


def args(**changes: object) -> TeamMetricsArgs:
    plain = TeamMetricsArgs(
        namespace="monitoring",
        image="quay.io/prometheuscommunity/prom-label-proxy:v0",
        prometheus_url="http://monitoring-prometheus.monitoring:9090",
        prometheus=network_policies.pods({"app": "prometheus"}),
        gateway=sample.GATEWAY,
        teams={team: view(team) for team in ("research", "applied")},
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False) -> Deployment[TeamMetrics]:
    return deploy(lambda: TeamMetrics("metrics", args()), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "TeamMetrics")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)


def test_the_route_of_a_team_names_its_namespaces_and_never_the_client() -> None:
    deployment = deployed()
    routes = deployment.of_type("HTTPRoute")
    hosts = {each.inputs["spec"]["hostnames"][0] for each in routes}
    assert hosts == {
        "prometheus-research.plinth.localhost",
        "prometheus-applied.plinth.localhost",
        "localhost",
    }
    seen: dict[str, set[str]] = {}
    for route in routes:
        for rule in route.inputs["spec"]["rules"]:
            (given,) = [
                each["requestHeaderModifier"]
                for each in rule["filters"]
                if each["type"] == "RequestHeaderModifier"
            ]
            # Set, not added: what the client sent of it is gone.
            assert given.keys() == {"set"}
            seen.setdefault(route.name, set()).update(each["value"] for each in given["set"])
            assert {each["name"] for each in given["set"]} == {HEADER}
    assert seen == {
        f"metrics-{team}-route{suffix}": {f"{team},pipelines-{team}"}
        for team in ("research", "applied")
        for suffix in ("", "-localhost")
    }


def test_the_proxy_takes_namespaces_from_the_header_alone_and_asks_our_prometheus() -> None:
    (container,) = deployed().pods()["metrics-server"]["containers"]
    assert container["command"] == ["prom-label-proxy"]
    assert {
        "--label=namespace",
        f"--header-name={HEADER}",
        "--header-uses-list-syntax",
        "--upstream=http://monitoring-prometheus.monitoring:9090",
    } <= {*container["args"]}
    assert not [each for each in container["args"] if "passthrough" in each or "query-param" in each]


def test_the_gateway_alone_reaches_it_and_it_reaches_prometheus_alone() -> None:
    policy = rules.policies(deployed())["metrics"]
    (way,) = policy["ingress"]
    (client,) = way["from"]
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}
    (way,) = policy["egress"]
    assert way["to"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]


def test_queries_are_published_and_nothing_that_ends_shows_or_exports_the_server() -> None:
    paths = {
        match["path"]["value"]
        for route in deployed().of_type("HTTPRoute")
        if route.inputs["spec"]["hostnames"] != ["localhost"]
        for rule in route.inputs["spec"]["rules"]
        for match in rule["matches"]
    }
    assert paths == {
        "/api/v1/label",
        "/api/v1/labels",
        "/api/v1/query",
        "/api/v1/query_range",
        "/api/v1/series",
    }


def test_without_teams_and_without_namespaces_there_is_nothing_to_see() -> None:
    with pytest.raises(ValueError, match="teams: none given"):
        args(teams={})
    with pytest.raises(ValueError, match="namespaces: none given for prometheus-a"):
        TeamView(host="prometheus-a", localhost="/teams/a/prometheus", namespaces=())
