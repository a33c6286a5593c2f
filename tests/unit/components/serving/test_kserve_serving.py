import dataclasses
from typing import Any

import pytest

from components.monitoring.prometheus_monitoring import scraper
from components.serving.kserve_serving import (
    KserveServing,
    KserveServingArgs,
    runtime_name,
    runtime_spec,
    storage_container_spec,
)
from components.serving.recording import Recording
from components.serving.runtime_families import RuntimeFamily
from components.shapes import network_policies
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

FAMILIES = (
    RuntimeFamily(name="sklearn", image="plinth/serving-runtime:abc", packages={"numpy": "2"}),
    RuntimeFamily(name="boosting", image="", packages={"numpy": "2", "xgboost-cpu": "3"}),
)
STORES = (network_policies.in_namespace("object-store"),)


def args(**changes: object) -> KserveServingArgs:
    plain = KserveServingArgs(
        namespace="kserve",
        controller_image="docker.io/kserve/kserve-controller:v0",
        families=FAMILIES,
        storage_initializer_image="plinth/storage-initializer:abc",
        gateway=sample.GATEWAY,
        artifacts=sample.artifacts(),
        stores=STORES,
        webhook_certificate=ServerCertificate(authority="ca", certificate="certificate", key="private-key"),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KserveServing]:
    return deploy(lambda: KserveServing("kserve", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KserveServing")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["kserve-controller-manager"])
    rules.assert_no_secret_in_clear(deployment, "private-key", "artifact-secret")


def test_the_namespace_of_models_is_made_last_so_that_it_is_deleted_before_the_controller() -> None:
    deployment = deployed()
    namespace = deployment.one("Namespace")
    assert namespace.inputs["metadata"]["name"] == "models"
    earlier = rules.before(deployment, namespace)
    assert "kserve-controller-manager" in earlier
    assert "kserve-storage-container" in earlier
    assert any(each.startswith("kserve-runtime-") for each in earlier)
    assert any(each.endswith("-checks") for each in earlier)


def test_the_namespace_refuses_pods_below_the_restricted_standard() -> None:
    labels = deployed().one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    # KServe's webhook passes over namespaces with this label: their models would find no files.
    assert "control-plane" not in labels


def test_the_controller_may_make_models_before_there_is_one() -> None:
    deployment = deployed()
    binding = deployment.one("RoleBinding", "kserve-controller-models-binding").inputs
    assert binding["metadata"]["namespace"] == "models"
    (subject,) = binding["subjects"]
    assert (subject["namespace"], subject["name"]) == ("kserve", "kserve-controller-manager")
    role = deployment.one("Role", "kserve-controller-models-role").inputs
    assert role["metadata"]["namespace"] == "models"
    assert role["metadata"]["name"] == binding["roleRef"]["name"]
    assert "secrets" in str(role["rules"])


def test_runtime_and_storage_container_meet_the_restricted_standard_by_themselves() -> None:
    server = runtime_spec("image")["containers"][0]
    initializer = storage_container_spec("image")["container"]
    for container in (server, initializer):
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["allowPrivilegeEscalation"] is False
        assert "memory" in container["resources"]["limits"]
    # With args of its own KServe would leave out what to copy where.
    assert "args" not in initializer
    assert storage_container_spec("image")["supportsMultiModelDownload"] is True


def test_a_model_is_ready_when_it_is_loaded_and_leaves_without_failed_requests() -> None:
    (container,) = runtime_spec("image")["containers"]
    # A version answers as its model, any other service by its own name.
    name = "{{with index .Labels `plinth.dev/model-name`}}{{.}}{{else}}{{.Name}}{{end}}"
    assert container["readinessProbe"]["httpGet"]["path"] == f"/v2/models/{name}/ready"
    assert f"--model_name={name}" in container["args"]
    assert container["readinessProbe"]["periodSeconds"] == 1
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 5


def test_predictors_count_rows_where_drift_is_looked_for_and_their_service_has_one_port() -> None:
    (plain,) = runtime_spec("image")["containers"]
    (counting,) = runtime_spec("image", recording=Recording(excluded_features=("age",)))["containers"]
    assert [each for each in counting["args"] if each not in plain["args"]] == [
        "--record_bins=true",
        '--record_excluded_features=["age"]',
    ]
    # KServe would make a port of the Service of each, and the API refuses those without names.
    assert counting["ports"] == plain["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


def test_every_family_counts_rows() -> None:
    families = (FAMILIES[0], dataclasses.replace(FAMILIES[1], image="plinth/boosting:abc"))
    deployment = deployed(recording=Recording(), families=families)
    runtimes = deployment.of_type("ClusterServingRuntime")
    assert len(runtimes) == 2
    assert all("--record_bins=true" in each.inputs["spec"]["containers"][0]["args"] for each in runtimes)


def test_counts_are_for_their_readers_alone() -> None:
    def ingress(**changes: Any) -> list[tuple[list[int], list[str]]]:
        policy = deployed(**changes).one("NetworkPolicy", "kserve-predictors-policy").inputs["spec"]
        return [
            (
                [port["port"] for port in rule["ports"]],
                [
                    each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                    for each in rule["from"]
                ],
            )
            for rule in policy["ingress"]
        ]

    others: dict[str, Any] = {
        "clients": (network_policies.in_namespace("runs"),),
        "scrapers": (scraper("monitoring"),),
    }
    served = ([8080], ["gateway", "runs", "monitoring"])
    assert ingress(**others) == [served]
    readers = (network_policies.in_namespace("delivery"),)
    assert ingress(**others, record_readers=readers) == [served, ([8081], ["delivery"])]


def test_another_image_is_another_runtime_and_the_old_one_stays_for_the_models_that_name_it() -> None:
    assert runtime_name(runtime_spec("a")) != runtime_name(runtime_spec("b"))
    # KServe's webhook refuses two runtimes that offer one format at one priority.
    assert all("priority" not in each for each in runtime_spec("a")["supportedModelFormats"])
    deployment = deployed()
    (runtime,) = deployment.of_type("ClusterServingRuntime")
    assert runtime.retain_on_delete
    assert runtime.inputs["metadata"]["name"] == runtime_name(runtime_spec("plinth/serving-runtime:abc"))


def test_models_read_the_object_store_with_their_own_account() -> None:
    deployment = deployed()
    secret = deployment.one("Secret", "kserve-storage-secret").inputs
    assert secret["metadata"]["annotations"] == {
        "serving.kserve.io/s3-endpoint": "object-store.object-store:9000",
        "serving.kserve.io/s3-region": "us-east-1",
        "serving.kserve.io/s3-usehttps": "0",
        "serving.kserve.io/s3-usevirtualbucket": "0",
    }
    account = deployment.one("ServiceAccount", "kserve-storage-account").inputs
    assert account["secrets"] == [{"name": "model-storage"}]


def test_an_inference_service_that_names_no_account_reads_them_too() -> None:
    account = deployed().one("ServiceAccountPatch", "kserve-default-account").inputs
    assert account["metadata"]["name"] == "default"
    assert account["metadata"]["namespace"] == "models"
    assert account["secrets"] == [{"name": "model-storage"}]
    assert account["automountServiceAccountToken"] is False


def test_predictors_are_reached_by_the_gateway_and_reach_the_object_store_alone() -> None:
    policy = rules.policies(deployed())["predictors"]
    (incoming,) = policy["ingress"]
    (outgoing,) = policy["egress"]
    assert incoming["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}
    ]
    assert outgoing == {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "object-store"}}}],
        "ports": [{"port": 9000, "protocol": "TCP"}],
    }


def test_outputs_name_what_a_deployment_of_a_model_needs() -> None:
    outputs = deployed().output("kserve")
    assert outputs["serving_runtime"].startswith("mlflow-")


def test_each_family_with_an_image_has_a_runtime_and_one_of_them_is_kserves_choice() -> None:
    boosting = dataclasses.replace(FAMILIES[1], image="plinth/serving-runtime-boosting:def")
    deployment = deployed(families=(FAMILIES[0], boosting))
    runtimes = {each.inputs["metadata"]["name"]: each for each in deployment.of_type("ClusterServingRuntime")}
    automatic = {
        name: [each["autoSelect"] for each in runtime.inputs["spec"]["supportedModelFormats"]]
        for name, runtime in runtimes.items()
    }
    (special,) = [name for name in runtimes if name.startswith("mlflow-boosting-")]
    assert automatic.pop(special) == [False, False]
    assert list(automatic.values()) == [[True, True]]
    assert all(each.retain_on_delete for each in runtimes.values())


def test_a_platform_without_the_default_family_is_refused() -> None:
    with pytest.raises(ValueError, match="none is 'sklearn' with an image"):
        args(families=FAMILIES[1:])


def test_why_a_container_ended_reaches_the_status_of_the_service() -> None:
    for container in (runtime_spec("image")["containers"][0], storage_container_spec("image")["container"]):
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_no_store_is_refused() -> None:
    with pytest.raises(ValueError, match="stores: none given"):
        deployed(stores=())


def test_without_keys_models_are_copied_by_the_identity_of_their_account() -> None:
    deployment = deployed(artifacts=sample.keyless_artifacts(), stores=())
    names = [each.name for each in deployment.of_type("Secret")]
    assert "kserve-storage-secret" not in names
    rules.assert_no_keys(deployment)
    with pytest.raises(AssertionError, match="kserve-storage-secret"):
        rules.assert_no_keys(deployed())
    account = deployment.one("ServiceAccount", "kserve-storage-account").inputs
    assert account["metadata"]["name"] == "model-storage"
    assert "secrets" not in account
    assert account["automountServiceAccountToken"] is False
    rules.assert_reaches_aws(rules.policies(deployment)["predictors"])
