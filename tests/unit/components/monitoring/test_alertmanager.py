import dataclasses
import json

import pytest

from components.monitoring.alertmanager import RECEIVER, Alertmanager, AlertmanagerArgs, configuration
from components.monitoring.receivers import Receiver
from components.monitoring.timing import OPERATION, REHEARSAL
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import crds, rules

DELIVERY = Receiver(
    name="retraining",
    namespace="delivery",
    labels={"app": "delivery"},
    url="http://delivery.delivery:8080/alerts",
    port=8080,
    alerts=("ModelInputDrift",),
    group_by=("model_name",),
)
SCRAPER = network_policies.pods({"app": "prometheus"})


def args(**changes: object) -> AlertmanagerArgs:
    plain = AlertmanagerArgs(
        namespace="monitoring", image="alertmanager:v0", timing=REHEARSAL, senders=(SCRAPER,)
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[Alertmanager]:
    return deploy(lambda: Alertmanager("alerts", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Alertmanager")
    rules.assert_labelled(deployment)


def test_the_resource_is_what_the_operator_defines_and_waited_for() -> None:
    resource = deployed().one("kubernetes:monitoring.coreos.com/v1:Alertmanager").inputs
    assert crds.unknown_fields("Alertmanager", resource["spec"]) == []
    assert resource["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Available"
    assert resource["spec"]["securityContext"]["runAsNonRoot"] is True
    assert resource["spec"]["alertmanagerConfigMatcherStrategy"] == {"type": "None"}


def test_without_a_webhook_alerts_go_where_an_alertmanagerconfig_says_and_nowhere_else() -> None:
    settings = json.loads(configuration(OPERATION, None))
    assert settings["receivers"] == [{"name": "default"}]
    policy = rules.policies(deployed())["alerts"]
    assert policy["egress"] == [
        {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": RECEIVER}}], "ports": []}
    ]


def test_a_webhook_hears_of_every_alert_and_of_its_end() -> None:
    settings = json.loads(configuration(REHEARSAL, "https://hooks.example/plinth"))
    (receiver,) = settings["receivers"]
    assert receiver["webhook_configs"] == [{"url": "https://hooks.example/plinth", "send_resolved": True}]
    assert settings["route"]["receiver"] == receiver["name"]
    assert settings["route"]["group_wait"] == "5s"
    way = rules.policies(deployed(webhook_url="https://hooks.example/plinth"))["alerts"]["egress"][1]
    assert way["ports"] == [{"port": 443, "protocol": "TCP"}]


def test_only_prometheus_may_send_alerts() -> None:
    (rule,) = rules.policies(deployed())["alerts"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    assert rule["ports"] == [{"port": 9093, "protocol": "TCP"}]


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"webhook_url: 'hooks\.example'; give an address with http"):
        args(webhook_url="hooks.example")


def test_pods_of_the_platform_hear_of_their_alerts_and_people_still_of_all() -> None:
    settings = json.loads(configuration(OPERATION, "https://hooks.example/plinth", (DELIVERY,)))
    assert [each["receiver"] for each in settings["route"]["routes"]] == ["retraining", "default"]
    assert [each["name"] for each in settings["receivers"]] == ["default", "retraining"]
    way = rules.policies(deployed(receivers=(DELIVERY,)))["alerts"]["egress"][1]
    assert way == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "delivery"}},
                "podSelector": {"matchLabels": {"app": "delivery"}},
            }
        ],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }
