"""The platform as a whole: one provider, data kept on request, namespaces closed at once."""

from typing import Any

import pulumi
import pytest

from infra import assembly
from infra.errors import SettingsError
from infra.parts import PARTS, SECRET_KEYS, SECRETS
from infra.parts.part import Connections, Provides
from infra.parts.secrets import WebhookCertificate
from infra.settings import reader, stack_file
from infra.settings.stack import Settings
from tests.fixtures import platform
from tests.fixtures.recorder import deploy
from tests.unit.infra import choices
from tests.unit.infra.parts.sample import Left, part


@pytest.fixture(scope="module")
def smallest() -> Settings:
    return reader.parse({"cluster": {"kind": "kubeconfig", "name": "local"}, "gateway": {"nodePort": 30080}})


@pytest.mark.parametrize("preview", [True, False])
def test_every_object_uses_the_one_provider(smallest: Settings, preview: bool) -> None:
    deployment = platform.deployed(smallest, preview=preview)
    provider = deployment.one("pulumi:providers:kubernetes").urn
    objects = [each for each in deployment.registrations if each.type.startswith("kubernetes:")]
    assert len(objects) > 30
    assert [each.name for each in objects if not each.provider.startswith(provider)] == []


def test_every_object_belongs_to_a_component(smallest: Settings) -> None:
    deployment = platform.deployed(smallest)
    objects = [each for each in deployment.registrations if each.type.startswith("kubernetes:")]
    assert [each.name for each in objects if "plinth:index:" not in each.parent] == []


def test_protection_covers_what_holds_data_and_nothing_else(smallest: Settings) -> None:
    protected = platform.deployed(smallest.model_copy(update={"protect": True}))
    kept = {each.name for each in protected.registrations if each.type.startswith("plinth:") and each.protect}
    assert kept >= {"object-store", "mysql", "postgres"}
    assert "mlflow" not in kept
    assert not any(each.protect for each in platform.deployed(smallest).registrations)


def test_no_secret_is_in_clear(smallest: Settings) -> None:
    deployment = platform.deployed(smallest)
    values = [f"{key}-value" for key in SECRET_KEYS]
    for each in deployment.registrations:
        text = str(each.inputs)
        for value in values:
            assert value not in text or each.secret_inputs, f"{each.name} holds {value}"


def test_outputs_are_what_workloads_read(smallest: Settings) -> None:
    made = platform.deployed(smallest).result
    assert made["gateway_domain"] == "plinth.localhost"
    assert made["pipelines_bucket"] == "pipelines"
    assert made["artifacts_destination"] == "s3://mlflow"


def test_teams_queue_for_gpu_pools_and_a_stack_without_pools_runs_no_queue(smallest: Settings) -> None:
    assert not platform.deployed(smallest).of_type("plinth:index:GpuScheduling")
    deployment = platform.deployed(stack_file.settings("prod"))
    shown = deployment.one("plinth:index:GpuScheduling").inputs
    assert shown["pools"] == ["inference", "batch", "training", "shared"]
    assert {"research", "applied", "serving"} == {
        each.inputs["metadata"]["name"] for each in deployment.of_type("ClusterQueue")
    }
    assert deployment.one("DaemonSet", "gpu-scheduling-device-plugin-mig")


def test_teams_have_namespaces_without_gpu_pools_too() -> None:
    chosen = choices.changed(choices.of_stack("dev"), "gpuPools", [])
    chosen = choices.changed(chosen, "teams", [{"name": "research"}])
    deployment = platform.deployed(reader.parse(chosen))
    assert deployment.one("Namespace", "team-research-namespace-namespace")
    assert not deployment.of_type("LocalQueue")
    assert not deployment.of_type("plinth:index:GpuScheduling")


def test_prometheus_writes_elsewhere_by_the_identity_of_its_own_account() -> None:
    url = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1a2b/api/v1/remote_write"
    remote = {"url": url, "region": "us-east-1"}
    chosen = choices.changed(choices.of_stack("prod"), "monitoring.remoteWrite", remote)
    deployment = platform.deployed(reader.parse(chosen))
    (association,) = [
        each
        for each in deployment.of_type("PodIdentityAssociation")
        if each.name.startswith("metrics-writer")
    ]
    prometheus = deployment.one("kubernetes:monitoring.coreos.com/v1:Prometheus").inputs["spec"]
    assert association.inputs["serviceAccount"] == prometheus["serviceAccountName"]
    assert association.inputs["namespace"] == "monitoring"
    assert prometheus["remoteWrite"] == [{"url": url, "sigv4": {"region": "us-east-1"}}]


def test_without_monitoring_nobody_reads_metrics() -> None:
    chosen = {"cluster": {"kind": "kubeconfig", "name": "local"}, "monitoring": {"enabled": False}}
    deployment = platform.deployed(reader.parse(chosen))
    assert not [each for each in deployment.registrations if "prometheus" in each.type.lower()]
    policies = [each.inputs["spec"] for each in deployment.of_type("NetworkPolicy")]
    assert "prometheus" not in str(policies)
    assert "prometheus_url" not in deployment.result


def test_an_output_that_two_parts_provide_is_refused_in_one_line(smallest: Settings) -> None:
    def provides_domain(_: Any, __: Connections) -> Provides:
        return Provides(outputs={"gateway_domain": "another"})

    twice = (*PARTS, part("second", deploy=provides_domain))
    with pytest.raises(
        SettingsError,
        match=r"^parts gateway and second both provide the output gateway_domain: rename one of them$",
    ):
        platform.deployed(smallest, parts=twice)


def test_a_part_that_returns_another_connection_than_it_declares_is_refused(smallest: Settings) -> None:
    undelivered = (*PARTS, part("second", provides=(Left,)))
    with pytest.raises(SettingsError, match=r"^part second declares Left and returned something else$"):
        platform.deployed(smallest, parts=undelivered)


def test_a_secret_that_nobody_gave_is_generated_and_a_given_one_kept() -> None:
    chosen = SECRETS[0]

    def program() -> dict[str, pulumi.Output[str]]:
        given = {chosen.keys[0]: pulumi.Output.secret("chosen")}
        return dict(assembly.keep_secrets(SECRETS, given))

    deployment = deploy(program)
    kept = {each.name: each.inputs["input"] for each in deployment.of_type("pulumi:index:Stash")}
    values = {key: value for inputs in kept.values() for key, value in inputs["value"].items()}
    assert sorted(values) == sorted(SECRET_KEYS)
    assert values.pop(chosen.keys[0]) == "chosen"
    assert all(len(value) >= 40 for value in values.values())
    assert len(set(values.values())) == len(values)


def test_two_thirds_of_a_certificate_are_no_certificate() -> None:
    hooks = next(each for each in SECRETS if isinstance(each, WebhookCertificate))
    given = {key: f"given {key}" for key in hooks.keys[:2]}
    deployment = deploy(
        lambda: assembly.keep_secrets(
            SECRETS, {key: pulumi.Output.secret(each) for key, each in given.items()}
        )
    )
    made = deployment.one("pulumi:index:Stash", f"secrets-{hooks.name}").inputs["input"]["value"]
    assert not set(given.values()) & set(made.values())
