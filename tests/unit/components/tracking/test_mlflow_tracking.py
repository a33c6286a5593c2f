import dataclasses
import json

import pytest

from components.shapes import network_policies
from components.tracking.mlflow_tracking import (
    ACCOUNT,
    MlflowTracking,
    MlflowTrackingArgs,
    allowed_hosts,
    database_uri,
)
from components.tracking.workspace_proxy import POD_LABELS
from components.versions import python_version
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

IMAGE = "plinth/mlflow-server:abc"
CLIENTS = (network_policies.in_namespace("kubeflow"),)


def args(**changes: object) -> MlflowTrackingArgs:
    plain = MlflowTrackingArgs(
        namespace="mlflow",
        image=IMAGE,
        proxy_image="plinth/haproxy:abc",
        database=sample.postgres(),
        artifacts=sample.artifacts(),
        clients=CLIENTS,
        gateway=sample.GATEWAY,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[MlflowTracking]:
    return deploy(lambda: MlflowTracking("mlflow", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MlflowTracking")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, "artifact-secret", "p@ss/word", "p%40ss%2Fword")


def test_the_schema_is_migrated_by_one_job_before_the_server_starts() -> None:
    deployment = deployed()
    job = deployment.one("Job")
    assert job.inputs["metadata"]["name"].startswith(
        f"mlflow-migration-{python_version('mlflow').replace('.', '-')}-"
    )
    assert job.inputs["spec"]["backoffLimit"] == 0
    assert "mlflow-migration" in rules.before(deployment, deployment.one("Deployment", "mlflow-server"))
    assert {"mlflow-stores", "mlflow-migration-policy"} <= rules.before(deployment, job)
    pod = deployment.pods()["mlflow-migration"]
    given = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    folder, _, key = given["DATABASE_URI_FILE"].rpartition("/")
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"] == {"secretName": "mlflow-stores", "items": [{"key": key, "path": key}]}


def test_another_image_is_another_migration() -> None:
    first, second = (
        deployed(image=image).one("Job").inputs["metadata"]["name"]
        for image in (IMAGE, "plinth/mlflow-server:def")
    )
    assert first != second


def test_the_server_runs_one_worker_without_telemetry_jobs_or_gateway() -> None:
    (container,) = deployed().pods()["mlflow-server"]["containers"]
    assert "--workers=1" in container["args"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_ENABLE_AI_GATEWAY"] == "false"
    assert environment["MLFLOW_S3_ENDPOINT_URL"] == "http://object-store.object-store:9000"


def _destination(**changes: object) -> str:
    (container,) = deployed(preview=False, **changes).pods()["mlflow-server"]["containers"]
    return next(each["value"] for each in container["env"] if each["name"] == "MLFLOW_ARTIFACTS_DESTINATION")


def test_clients_get_addresses_in_the_object_store_only_if_they_know_its_name() -> None:
    assert _destination() == "proxied-s3://mlflow"
    assert _destination(artifacts=sample.keyless_artifacts()) == "s3://plinth-prod-mlflow"


def test_downloads_of_several_large_artifacts_at_once_fit_into_the_scratch_space() -> None:
    volumes = deployed().pods()["mlflow-server"]["volumes"]
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "8Gi"}} in volumes


def test_every_name_of_the_service_is_an_allowed_host() -> None:
    (container,) = deployed().pods()["mlflow-server"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    hosts = environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    for host in (
        "mlflow:*",
        "mlflow.mlflow",
        "mlflow.mlflow:*",
        "mlflow.mlflow.svc:*",
        "mlflow.mlflow.svc.cluster.local:*",
        "localhost:*",
        "mlflow.plinth.localhost",
        "mlflow.plinth.localhost:*",
    ):
        assert host in hosts
    assert "*" not in hosts, "a bare star would switch the check off"


def test_proxies_alone_may_connect_to_the_server() -> None:
    deployment = deployed()
    server = rules.policies(deployment)["mlflow-server"]
    (rule,) = server["ingress"]
    (peer,) = rule["from"]
    proxy = deployment.one("Deployment", "mlflow-proxy-server").inputs["spec"]["template"]["metadata"]
    assert peer == {"podSelector": {"matchLabels": POD_LABELS}}
    assert POD_LABELS.items() <= proxy["labels"].items()
    assert rule["ports"] == [{"port": 5000, "protocol": "TCP"}]
    assert sorted(rule["ports"][0]["port"] for rule in server["egress"]) == [5432, 9000]


def test_the_migration_reaches_the_database_alone() -> None:
    deployment = deployed()
    migration = rules.policies(deployment)["mlflow-migration"]
    assert [rule["ports"][0]["port"] for rule in migration["egress"]] == [5432]
    labels = deployment.one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert migration["podSelector"]["matchLabels"].items() <= labels.items()
    server = rules.policies(deployment)["mlflow-server"]["podSelector"]["matchLabels"]
    assert not server.items() <= labels.items(), "the Service would send requests to the migration"


def test_the_service_selects_the_proxy_which_is_published() -> None:
    deployment = deployed()
    for service, server in {
        "mlflow-service": "mlflow-proxy-server",
        "mlflow-server-service": "mlflow-server",
    }.items():
        labels = deployment.one("Deployment", server).inputs["spec"]["template"]["metadata"]["labels"]
        other = deployment.one("Deployment", ({"mlflow-proxy-server", "mlflow-server"} - {server}).pop())
        selector = deployment.one("Service", service).inputs["spec"]["selector"]
        assert selector.items() <= labels.items()
        assert not selector.items() <= other.inputs["spec"]["template"]["metadata"]["labels"].items()
    route = deployment.one("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "mlflow-route")
    assert route.inputs["spec"]["hostnames"] == ["mlflow.plinth.localhost"]
    local = deployment.one("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "mlflow-route-localhost")
    assert local.inputs["spec"]["rules"] == route.inputs["spec"]["rules"]
    assert deployment.output("mlflow") == {"tracking_uri": "http://mlflow.mlflow:5000"}


def test_one_server_is_replaced_without_a_second_one_at_its_side() -> None:
    deployment = deployed()
    server = deployment.one("Deployment", "mlflow-server").inputs["spec"]
    assert server["strategy"] == {"type": "Recreate"}
    assert not deployment.of_type("PodDisruptionBudget")


def test_replicas_serve_through_rollouts_and_drains() -> None:
    deployment = deployed(replicas=2)
    spec = deployment.one("Deployment", "mlflow-server").inputs["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "mlflow-migration" in rules.before(deployment, deployment.one("Deployment", "mlflow-server"))
    budget = deployment.one("PodDisruptionBudget", "mlflow-disruption-budget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spec["selector"]


def test_without_a_gateway_nothing_is_published() -> None:
    assert not deployed(gateway=None).of_type("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")


def test_a_server_without_pods_is_refused() -> None:
    with pytest.raises(ValueError, match="replicas: 0"):
        args(replicas=0)


def test_the_password_is_quoted_in_the_address() -> None:
    uri = database_uri(sample.postgres(), "db.example", "p@ss/word")
    assert uri == "postgresql+psycopg://mlflow:p%40ss%2Fword@db.example:5432/mlflow?sslmode=require"


def test_server_and_migration_verify_a_database_whose_authorities_are_known() -> None:
    database = dataclasses.replace(sample.postgres(), authorities=sample.AUTHORITIES)
    deployment = deployed(database=database)
    uri = rules.secret_data(deployment.one("Secret", "mlflow-stores"))["database-uri"]
    assert uri.endswith("?sslmode=verify-full")
    held = {each.name: each.inputs["data"] for each in deployment.of_type("ConfigMap")}
    for pod, config_map in {
        "mlflow-server": "mlflow-authorities",
        "mlflow-migration": "mlflow-migration-program",
    }.items():
        (container,) = deployment.pods()[pod]["containers"]
        (path,) = [each["value"] for each in container["env"] if each["name"] == "PGSSLROOTCERT"]
        assert path.rpartition("/")[0] in [each["mountPath"] for each in container["volumeMounts"]]
        assert held[config_map]["authorities.pem"] == sample.AUTHORITIES


def test_allowed_hosts_come_with_and_without_port_and_those_of_teams_as_a_pattern() -> None:
    assert allowed_hosts("a", ["a", "a.b"]).split(",") == ["a", "a:*", "a.b", "a.b:*", "a-*"]


def test_another_team_is_another_migration_which_knows_it_and_no_other_server() -> None:
    first, second = deployed(), deployed(teams=("research", "applied"))
    held = second.one("ConfigMap", "mlflow-migration-program").inputs["data"]
    assert json.loads(held["workspaces.json"]) == ["applied", "research"]
    assert first.one("Job").inputs["metadata"]["name"] != second.one("Job").inputs["metadata"]["name"]
    one, other = (each.one("Deployment", "mlflow-server").inputs for each in (first, second))
    assert one == other


def test_metrics_are_read_at_the_address_of_the_pod() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    deployment = deployed(scrapers=(scraper,))
    (container,) = deployment.pods()["mlflow-server"]["containers"]
    assert any(each.startswith("--expose-prometheus=/tmp/") for each in container["args"])
    first, *_ = container["env"]
    assert first == {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    hosts = next(each for each in container["env"] if each["name"] == "MLFLOW_SERVER_ALLOWED_HOSTS")
    assert {"$(POD_IP)", "$(POD_IP):*"} <= set(hosts["value"].split(","))
    (rule,) = rules.policies(deployment)["mlflow-server"]["ingress"]
    assert "prometheus" in str(rule["from"])


def test_without_keys_the_server_runs_as_an_account_with_an_identity() -> None:
    deployment = deployed(artifacts=sample.keyless_artifacts())
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_keys(deployment)
    account = deployment.one("ServiceAccount").inputs
    assert account["metadata"]["name"] == ACCOUNT
    assert deployment.pods()["mlflow-server"]["serviceAccountName"] == ACCOUNT
    rules.assert_reaches_aws(rules.policies(deployment)["mlflow-server"])


def test_with_keys_there_is_no_account() -> None:
    deployment = deployed()
    with pytest.raises(AssertionError, match="AWS_ACCESS_KEY_ID"):
        rules.assert_no_keys(deployment)
    assert not deployment.of_type("ServiceAccount")
    assert "serviceAccountName" not in deployment.pods()["mlflow-server"]


def test_the_migration_never_reaches_the_bucket() -> None:
    policy = rules.policies(deployed(artifacts=sample.keyless_artifacts()))["mlflow-migration"]
    assert [rule["ports"][0]["port"] for rule in policy["egress"]] == [5432]
