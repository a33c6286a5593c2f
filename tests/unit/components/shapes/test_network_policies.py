from typing import Any

from components.shapes import network_policies


def test_default_deny_closes_both_ways_and_leaves_names() -> None:
    spec: Any = network_policies.default_deny()
    assert spec["pod_selector"] == {}
    assert spec["policy_types"] == ["Ingress", "Egress"]
    assert "ingress" not in spec
    (rule,) = spec["egress"]
    assert [port["port"] for port in rule["ports"]] == [53, 53]


def test_addresses_are_those_of_the_network_and_no_others() -> None:
    assert network_policies.addresses("10.0.0.0/16") == {"ip_block": {"cidr": "10.0.0.0/16"}}


def test_an_exception_opens_only_the_ways_it_names() -> None:
    peers = [network_policies.in_namespace("models")]
    incoming: Any = network_policies.exception(
        {"a": "b"}, incoming=[network_policies.ingress(peers, 80, 443)]
    )
    assert incoming["policy_types"] == ["Ingress"]
    assert "egress" not in incoming
    outgoing: Any = network_policies.exception({"a": "b"}, outgoing=[network_policies.api_server()])
    assert outgoing["policy_types"] == ["Egress"]
    assert "ingress" not in outgoing


def test_pods_are_of_the_policys_namespace_unless_another_is_named() -> None:
    assert network_policies.pods({"a": "b"}) == {"pod_selector": {"match_labels": {"a": "b"}}}
    # One peer with both selectors: pods with the label AND in the namespace. Two peers would mean OR.
    assert network_policies.pods({"a": "b"}, "models") == {
        "pod_selector": {"match_labels": {"a": "b"}},
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}},
    }


def test_every_pod_is_no_address_outside_the_cluster() -> None:
    assert network_policies.every_pod() == {"namespace_selector": {}}


def test_a_controller_calls_the_kubernetes_api_and_is_read_by_scrapers_alone() -> None:
    scraper = network_policies.pods({"app": "prometheus"})
    closed: Any = network_policies.controller({"a": "b"}, scrapers=(), metrics_port=8080)
    assert closed["policy_types"] == ["Egress"]
    assert closed["egress"] == [network_policies.api_server()]
    scraped: Any = network_policies.controller({"a": "b"}, scrapers=(scraper,), metrics_port=8080)
    assert scraped["ingress"] == [network_policies.ingress([scraper], 8080)]


def test_the_webhooks_of_a_controller_are_reached_from_outside_the_pods_network() -> None:
    agent = network_policies.identity_agent()
    policy: Any = network_policies.controller(
        {"a": "b"}, scrapers=(), metrics_port=8080, webhook_port=9443, outgoing=[agent]
    )
    assert policy["ingress"] == [network_policies.ingress([network_policies.anywhere()], 9443)]
    assert policy["egress"] == [network_policies.api_server(), agent]
