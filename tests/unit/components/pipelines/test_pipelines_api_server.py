import dataclasses
import json
from typing import Any

import pytest

from components import manifests
from components.pipelines.pipelines_api_server import (
    MODULE,
    PROJECT,
    PipelinesApiServer,
    PipelinesApiServerArgs,
    settings,
)
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

PLAIN = PipelinesApiServerArgs(
    namespace="kubeflow",
    runs_namespace="runs",
    image="api:1",
    driver_image="driver:1",
    launcher_image="launcher:1",
    database=sample.mysql("mlpipeline"),
    artifacts=sample.artifacts(),
    clients=(network_policies.pods({"step": "true"}),),
    gateway=sample.GATEWAY,
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PipelinesApiServer]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: PipelinesApiServer("api", args), preview=preview)


def environment(deployment: Deployment[PipelinesApiServer]) -> dict[str, Any]:
    (container,) = deployment.pods()["api-server"]["containers"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def upstream() -> str:
    return manifests.text(PROJECT, MODULE, "backend/src/apiserver/config/config.json")


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PipelinesApiServer")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients={"api-server"})
    rules.assert_no_secret_in_clear(deployment, "artifact-secret", sample.MYSQL_PASSWORD)


def test_the_server_starts_after_its_settings_secret_rights_and_ways_out() -> None:
    deployment = deployed()
    before = rules.before(deployment, deployment.one("Deployment"))
    assert {"api-database", "api-settings", "api-policy", "api-account", "api-binding"} <= before
    assert "api-server" in rules.before(deployment, deployment.one("Service"))


def test_several_servers_take_turns_and_end_after_their_endpoints_are_withdrawn() -> None:
    assert deployed().one("Deployment").inputs["spec"]["strategy"] == {"type": "Recreate"}
    several = deployed(replicas=2)
    assert several.one("Deployment").inputs["spec"]["strategy"]["type"] == "RollingUpdate"
    assert several.of_type("PodDisruptionBudget")
    (container,) = several.pods()["api-server"]["containers"]
    assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 3}}
    with pytest.raises(ValueError, match="replicas: 0"):
        dataclasses.replace(PLAIN, replicas=0)


def test_runs_use_the_pinned_driver_and_launcher_as_an_ordinary_user() -> None:
    values = environment(deployed())
    assert values["V2_DRIVER_IMAGE"] == "driver:1"
    assert values["V2_LAUNCHER_IMAGE"] == "launcher:1"
    assert values["PIPELINE_RUN_AS_USER"] == "65532"


def test_the_object_stores_host_and_port_stand_apart() -> None:
    values = environment(deployed())
    assert values["OBJECTSTORECONFIG_HOST"] == "object-store.object-store"
    assert values["OBJECTSTORECONFIG_PORT"] == "9000"
    assert values["OBJECTSTORECONFIG_REGION"] == "us-east-1"
    assert values["OBJECTSTORECONFIG_SECURE"] == "false"


def test_the_server_has_an_address_of_the_service_without_which_it_dies() -> None:
    values = environment(deployed())
    assert values["ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST"]
    assert values["ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT"]


def test_passwords_come_from_secrets() -> None:
    values = environment(deployed())
    assert values["DBCONFIG_MYSQLCONFIG_PASSWORD"] == {
        "secretKeyRef": {"name": "pipelines-database", "key": "password"}
    }
    assert values["OBJECTSTORECONFIG_SECRETACCESSKEY"] == {
        "secretKeyRef": {"name": "pipelines-artifacts", "key": "secretkey"}
    }


def test_upstreams_well_known_credentials_are_dropped() -> None:
    assert "minio123" in upstream()
    changed = settings(upstream())
    assert "minio123" not in changed
    assert json.loads(changed)["ARCHIVE_CONFIG_LOG_PATH_PREFIX"] == "artifacts"


def test_steps_share_no_volumes() -> None:
    assert "Workspace" in json.loads(upstream())
    assert "Workspace" not in json.loads(settings(upstream()))


def test_the_gateway_reaches_http_alone_and_clients_reach_both_ports() -> None:
    (policy,) = rules.policies(deployed()).values()
    http, grpc = policy["ingress"]
    assert [port["port"] for port in http["ports"]] == [8888]
    assert len(http["from"]) == 2
    assert [port["port"] for port in grpc["ports"]] == [8887]
    assert grpc["from"] == [{"podSelector": {"matchLabels": {"step": "true"}}}]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [
        [443, 6443],
        [3306],
        [9000],
    ]


def test_the_api_is_published_only_where_there_is_a_gateway() -> None:
    route = deployed().one("HTTPRoute", "api-route").inputs["spec"]
    assert route["hostnames"] == ["pipelines.plinth.localhost"]
    (rule,) = route["rules"]
    assert rule["backendRefs"] == [{"name": "ml-pipeline", "port": 8888}]
    assert {match["path"]["type"] for match in rule["matches"]} == {"PathPrefix"}
    assert not deployed(gateway=None).of_type("HTTPRoute")


def test_what_the_sdk_calls_is_published_and_what_agents_report_is_not() -> None:
    (rule,) = deployed().one("HTTPRoute", "api-route").inputs["spec"]["rules"]
    published = {match["path"]["value"] for match in rule["matches"]}
    files = (
        "v1beta1/swagger/kfp_api_single_file",
        "v2beta1/swagger/kfp_api_single_file",
        "v1beta1/swagger/report",
    )
    paths = [
        json.loads(manifests.text(PROJECT, MODULE, f"backend/api/{file}.swagger.json"))["paths"]
        for file in files
    ]
    served = {"/".join(path.split("/")[:4]) for each in paths for path in each}
    assert served - published == {
        "/apis/v1beta1/scheduledworkflows",
        "/apis/v1beta1/workflows",
        "/apis/v2beta1/scheduledworkflows",
        "/apis/v2beta1/workflows",
        # Parts that are not installed: the login of a user interface, and drawings of artifacts.
        "/apis/v2beta1/auth",
        "/apis/v2beta1/visualizations",
    }
    # The API server serves the logs without a definition of their path.
    assert published - served == {"/apis/v1alpha1/runs"}


def test_drivers_find_the_server_by_the_names_of_service_and_port() -> None:
    service = deployed().one("Service").inputs
    assert service["metadata"]["name"] == "ml-pipeline"
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {"http": 8888, "grpc": 8887}


def test_a_server_without_clients_is_refused() -> None:
    with pytest.raises(ValueError, match="clients: none given"):
        dataclasses.replace(PLAIN, clients=())


def test_prometheus_reaches_the_http_port_alone() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    http, grpc = rules.policies(deployed(scrapers=(scraper,)))["ml-pipeline"]["ingress"]
    assert "prometheus" in str(http["from"])
    assert "prometheus" not in str(grpc["from"])


def test_the_server_verifies_a_database_whose_authorities_are_known() -> None:
    database = dataclasses.replace(sample.mysql("mlpipeline"), authorities=sample.AUTHORITIES)
    deployment = deployed(database=database)
    verified = environment(deployment)
    assert json.loads(verified["DBCONFIG_MYSQLCONFIG_EXTRAPARAMS"]) == {"charset": "utf8mb4", "tls": "true"}
    # Not SSL_CERT_FILE: it would take the place of the image's own authorities, which sign S3's certificate.
    assert verified["SSL_CERT_DIR"] == "/authorities"
    assert "SSL_CERT_FILE" not in verified
    (pod,) = deployment.pods().values()
    assert "/authorities" in [each["mountPath"] for each in pod["containers"][0]["volumeMounts"]]


def test_text_is_sent_to_the_database_as_all_of_unicode() -> None:
    assert json.loads(environment(deployed())["DBCONFIG_MYSQLCONFIG_EXTRAPARAMS"]) == {"charset": "utf8mb4"}


def test_without_keys_the_server_acts_by_its_own_identity() -> None:
    deployment = deployed(artifacts=sample.keyless_artifacts())
    values = environment(deployment)
    assert values["OBJECTSTORECONFIG_HOST"] == "s3.eu-central-1.amazonaws.com"
    assert values["OBJECTSTORECONFIG_PORT"] == "443"
    assert values["OBJECTSTORECONFIG_SECURE"] == "true"
    rules.assert_no_keys(deployment)
    rules.assert_reaches_aws(rules.policies(deployment)["ml-pipeline"])


def test_where_the_database_is_says_nothing_about_s3() -> None:
    network = {"ip_block": {"cidr": "10.0.0.0/16"}}
    deployment = deployed(artifacts=sample.keyless_artifacts(), stores=(network,))
    policy = rules.policies(deployment)["ml-pipeline"]
    ways = {
        rule["ports"][0]["port"]: [to["ipBlock"]["cidr"] for to in rule["to"]]
        for rule in policy["egress"][1:]
    }
    assert ways[3306] == ["10.0.0.0/16"]
    rules.assert_reaches_aws(policy)
