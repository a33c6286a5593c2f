"""What parts are deployed with."""

import pulumi
import pytest

from infra.assembly import prepare
from infra.parts import PARTS
from infra.parts.monitoring import NAMESPACE
from infra.parts.plan import plan
from infra.parts.secrets import Password, WebhookCertificate
from infra.parts.site import MONITORING, Site, peers
from infra.settings import reader, stack_file
from infra.settings.stack import Settings
from infra.target import connect
from tests.fixtures.platform import secrets
from tests.fixtures.recorder import Deployment, deploy


def prepared(settings: Settings) -> Deployment[Site]:
    return deploy(lambda: prepare(plan(settings, PARTS), secrets(), connect(settings)))


@pytest.fixture(scope="module")
def local() -> Deployment[Site]:
    return prepared(stack_file.settings("local"))


def test_every_namespace_of_the_plan_is_made_and_no_other(local: Deployment[Site]) -> None:
    made = {each.name for each in local.of_type("plinth:index:PlatformNamespace")}
    assert made == set(plan(stack_file.settings("local"), PARTS).namespaces) == set(local.result.namespaces)


def test_what_holds_data_is_protected_on_request(local: Deployment[Site]) -> None:
    assert not local.result.keep.protect
    protected = stack_file.settings("local").model_copy(update={"protect": True})
    site = prepared(protected).result
    assert site.keep.protect
    assert site.keep.retain_on_delete
    assert not site.opts.protect


def test_the_values_of_a_certificate_come_from_its_three_keys(local: Deployment[Site]) -> None:
    hooks = WebhookCertificate(name="hooks", prefix="webhook", host=lambda: "hooks.svc")
    found = local.result.certificate(hooks)
    assert found.authority is local.result.secrets["webhookAuthority"]
    assert found.key is local.result.secrets["webhookKey"]
    password = Password(key="trackingDatabasePassword")
    assert isinstance(local.result.secret(password), pulumi.Output)


def test_a_stack_that_is_not_on_aws_has_no_cloud(local: Deployment[Site]) -> None:
    with pytest.raises(TypeError, match="cluster local is not on EKS"):
        _ = local.result.cloud


def test_metrics_are_open_to_prometheus_where_it_runs(local: Deployment[Site]) -> None:
    assert MONITORING == NAMESPACE
    assert len(local.result.scrapers) == 1
    bare = reader.parse(
        {"cluster": {"kind": "kubeconfig", "name": "local"}, "monitoring": {"enabled": False}}
    )
    assert prepared(bare).result.scrapers == ()


def test_a_namespace_is_named_by_the_label_that_kubernetes_gives_it() -> None:
    (peer,) = peers(("one",))
    assert peer == {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "one"}}}
