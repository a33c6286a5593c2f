import dataclasses
import json

import pytest

from components import manifests
from components.incluster.postgres import Postgres, PostgresArgs, cluster_spec, operator_manifests
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

ARGS = PostgresArgs(
    namespace="databases",
    image="plinth/postgres:17-abc",
    operator_image="registry.example/cloudnative-pg:1",
    database="mlflow",
    owner="mlflow",
    password="owner-password",
    clients=(network_policies.in_namespace("mlflow"),),
)


def deployed(*, preview: bool = False, args: PostgresArgs = ARGS) -> Deployment[Postgres]:
    return deploy(lambda: Postgres("postgres", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Postgres")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "owner-password")


def test_definitions_and_the_operator_come_before_the_cluster() -> None:
    deployment = deployed()
    operator = deployment.one("ConfigGroup", "postgres-operator")
    assert {"postgres-definitions", "postgres-operator-policy"} <= rules.before(deployment, operator)
    cluster = deployment.one("kubernetes:postgresql.cnpg.io/v1:Cluster")
    assert {"postgres-operator", "postgres-definitions", "postgres-policy"} <= rules.before(
        deployment, cluster
    )


def test_a_consumer_waits_until_the_cluster_is_ready() -> None:
    deployment = deployed()
    cluster = deployment.one("kubernetes:postgresql.cnpg.io/v1:Cluster")
    assert cluster.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
    assert deployment.output("postgres") == {"host": "postgres-rw.databases"}


def test_the_cluster_gets_the_owner_from_a_secret() -> None:
    deployment = deployed()
    spec = deployment.one("kubernetes:postgresql.cnpg.io/v1:Cluster").inputs["spec"]
    owner = deployment.one("Secret")
    assert spec["bootstrap"]["initdb"] == {
        "database": "mlflow",
        "owner": "mlflow",
        "secret": {"name": owner.inputs["metadata"]["name"]},
        # Upper and lower case of every script.
        "encoding": "UTF8",
        "localeProvider": "builtin",
        "builtinLocale": "C.UTF-8",
    }
    assert owner.inputs["type"] == "kubernetes.io/basic-auth"
    # A changed password is set at once.
    assert owner.inputs["metadata"]["labels"]["cnpg.io/reload"] == "true"


def test_only_clients_the_operator_and_other_instances_may_connect() -> None:
    database = rules.policies(deployed())["postgres"]
    ports = {rule["ports"][0]["port"]: len(rule["from"]) for rule in database["ingress"]}
    assert ports == {5432: 3, 8000: 2}


def test_one_instance_has_no_disruption_budget_and_two_have() -> None:
    assert cluster_spec(ARGS, "secret", {})["enablePDB"] is False
    assert cluster_spec(dataclasses.replace(ARGS, instances=2), "secret", {})["enablePDB"] is True


def test_the_volume_has_the_size_that_is_given_and_the_default_class() -> None:
    assert cluster_spec(ARGS, "secret", {})["storage"] == {"size": "5Gi"}
    small = dataclasses.replace(ARGS, storage_size="1Gi")
    assert cluster_spec(small, "secret", {})["storage"] == {"size": "1Gi"}


def test_the_operator_is_upstreams_with_our_image_and_a_quick_start() -> None:
    objects = operator_manifests("registry.example/operator:1")
    deployment = manifests.find(objects, "Deployment", "cnpg-controller-manager")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/operator:1"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert "cpu" not in container["resources"]["limits"]
    assert {"name": "OPERATOR_IMAGE_NAME", "value": "registry.example/operator:1"} in container["env"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} <= {
        each["kind"] for each in objects
    }
    assert not manifests.only(objects, "Namespace")
    for each in objects:
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "plinth"


@pytest.mark.parametrize(
    ("change", "message"), [({"instances": 0}, "instances: 0"), ({"owner": "postgres"}, "database, owner")]
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]


def test_metrics_of_operator_and_instances_are_for_those_who_may_read_them() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    found = rules.policies(deployed(args=dataclasses.replace(ARGS, scrapers=(scraper,))))
    ports = {
        name: [rule["ports"][0]["port"] for rule in spec["ingress"] if "prometheus" in str(rule["from"])]
        for name, spec in found.items()
        if "ingress" in spec
    }
    assert ports == {"operator": [8080], "postgres": [9187]}
    assert "9187" not in str(rules.policies(deployed()))


def _cluster_wide(objects: list[manifests.Manifest]) -> list[str]:
    bound = [each["roleRef"]["name"] for each in manifests.only(objects, "ClusterRoleBinding")]
    rules = [rule for name in bound for rule in manifests.find(objects, "ClusterRole", name)["rules"]]
    return [each for rule in rules for each in rule["resources"]]


def test_outside_its_namespaces_the_operator_reads_nodes_and_images_and_writes_its_webhooks() -> None:
    objects = operator_manifests("registry.example/operator:1")
    assert set(_cluster_wide(objects)) == {
        "clusterimagecatalogs",
        "mutatingwebhookconfigurations",
        "nodes",
        "validatingwebhookconfigurations",
    }


def test_a_role_that_is_bound_in_a_namespace_names_nothing_of_the_cluster() -> None:
    role = manifests.find(operator_manifests("i"), "ClusterRole", "cnpg-manager")
    assert "webhookconfigurations" not in str(role["rules"])


def test_in_its_own_namespace_the_operator_writes_certificates_leases_and_events_alone() -> None:
    role = manifests.find(operator_manifests("registry.example/operator:1"), "Role", "cnpg-manager")
    assert role["metadata"]["namespace"] == "cnpg-system"
    written = {
        each
        for rule in role["rules"]
        for each in rule["resources"]
        if not {*rule["verbs"]} <= {"get", "list", "watch"}
    }
    assert written == {"events", "leases", "secrets"}
    assert "pods/exec" not in str(role["rules"])


def test_the_operator_watches_the_namespace_of_the_database_where_alone_it_has_its_rights() -> None:
    deployment = deployed()
    settings = deployment.one("ConfigMap", "postgres-operator-settings").inputs
    assert settings["data"] == {"WATCH_NAMESPACE": "databases"}
    operator = manifests.find(operator_manifests("i"), "Deployment", "cnpg-controller-manager")
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    (watched,) = [each for each in container["env"] if each["name"] == "WATCH_NAMESPACE"]
    assert watched["valueFrom"]["configMapKeyRef"] == {
        "name": settings["metadata"]["name"],
        "key": "WATCH_NAMESPACE",
    }
    assert settings["metadata"]["namespace"] == operator["metadata"]["namespace"] == "cnpg-system"
    binding = deployment.one("RoleBinding", "postgres-operator-binding")
    assert binding.inputs["metadata"]["namespace"] == "databases"
    assert binding.inputs["roleRef"]["name"] == "cnpg-manager"
    before = rules.before(deployment, deployment.one("ConfigGroup", "postgres-operator"))
    assert {"postgres-operator-settings", "postgres-operator-binding"} <= before


def test_a_further_database_has_an_account_of_its_own_that_opens_no_other() -> None:
    deployment = deployed(args=dataclasses.replace(ARGS, databases={"katib": "katibs-password"}))
    rules.assert_children_of_one_component(deployment, "Postgres")
    rules.assert_no_secret_in_clear(deployment, "owner-password", "katibs-password")
    cluster = deployment.one("kubernetes:postgresql.cnpg.io/v1:Cluster")
    (role,) = cluster.inputs["spec"]["managed"]["roles"]
    secret = deployment.one("Secret", role["passwordSecret"]["name"])
    assert secret.inputs["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert "postgres-owner-katib" in rules.before(deployment, cluster)
    assert cluster.inputs["spec"]["postgresql"]["pg_hba"] == [
        "hostssl katib katib all scram-sha-256",
        "host all katib all reject",
    ]
    waited = cluster.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
    assert json.loads(waited) == [
        "condition=Ready",
        "jsonpath={.status.managedRolesStatus.byStatus.reconciled[0]}",
    ]
    database = deployment.one("kubernetes:postgresql.cnpg.io/v1:Database")
    assert database.inputs["spec"] == {"name": "katib", "owner": "katib", "cluster": {"name": "postgres"}}
    assert "postgres-cluster" in rules.before(deployment, database)


def test_a_server_without_further_databases_has_neither_roles_nor_rules_of_its_own() -> None:
    spec = cluster_spec(ARGS, "secret", {})
    assert "managed" not in spec
    assert "pg_hba" not in spec["postgresql"]


@pytest.mark.parametrize("name", ["mlflow", "postgres"])
def test_a_further_database_takes_no_other_ones_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"databases: '{name}' is taken"):
        dataclasses.replace(ARGS, databases={name: "password"})
