import dataclasses

import pytest
import yaml

from components.monitoring.grafana import Grafana, GrafanaArgs, data_sources, providers
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample


def args(**changes: object) -> GrafanaArgs:
    plain = GrafanaArgs(
        namespace="monitoring",
        image="docker.io/grafana/grafana:12",
        prometheus_url="http://prometheus.monitoring:9090",
        prometheus=network_policies.pods({"app": "prometheus"}),
        dashboards={"serving": "dashboard-serving"},
        gateway=sample.GATEWAY,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[Grafana]:
    return deploy(lambda: Grafana("grafana", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Grafana")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)


def test_every_page_lies_where_the_provider_looks() -> None:
    pod = deployed().pods()["grafana-server"]
    (folder,) = [each["options"]["path"] for each in yaml.safe_load(providers())["providers"]]
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert mounts["page-serving"] == f"{folder}/serving"
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["page-serving"]["configMap"]["name"] == "dashboard-serving"


def test_the_one_source_is_our_prometheus() -> None:
    (source,) = yaml.safe_load(data_sources("http://p:9090"))["datasources"]
    assert source["url"] == "http://p:9090"
    assert source["isDefault"] is True


def test_it_reaches_prometheus_and_nothing_else() -> None:
    (way,) = rules.policies(deployed())["grafana"]["egress"]
    assert way["to"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]


def test_strangers_look_and_nobody_logs_in() -> None:
    (container,) = deployed().pods()["grafana-server"]["containers"]
    settings = {each["name"]: each["value"] for each in container["env"]}
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def test_a_grafana_without_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="dashboards: none given"):
        args(dashboards={})
