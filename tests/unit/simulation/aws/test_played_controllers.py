"""Stand-ins for controllers whose pods do not run."""

from typing import Any

from simulation.aws.played_controllers import Condition, LoadBalancers, load_balancer

SERVICES = LoadBalancers(path="/api/v1/services")
GATEWAYS = Condition(path="/apis/gateway.networking.k8s.io/v1/gateways", types=("Accepted", "Programmed"))


def gateway(**status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def service(kind: str = "LoadBalancer", **annotations: str) -> dict[str, Any]:
    named = {
        f"service.beta.kubernetes.io/aws-load-balancer-{name}": text for name, text in annotations.items()
    }
    return {"metadata": {"annotations": named}, "spec": {"type": kind}, "status": {"loadBalancer": {}}}


def test_a_load_balancer_gets_an_address_once() -> None:
    status = SERVICES.status(service())
    assert status
    assert SERVICES.status({**service(), "status": status}) is None
    assert SERVICES.status(service("ClusterIP")) is None


def test_a_changed_scheme_of_a_load_balancer_is_ignored() -> None:
    status = SERVICES.status(service(internal="true"))
    assert status == {"loadBalancer": {"ingress": [{"hostname": "internal-simulated.elb.amazonaws.com"}]}}
    assert SERVICES.status({**service(internal="false"), "status": status}) is None
    assert load_balancer(service(internal="false")) == "simulated.elb.amazonaws.com"


def test_a_condition_says_that_it_is_simulated_and_is_renewed_with_the_object() -> None:
    status = GATEWAYS.status(gateway())
    assert status
    assert {each["type"] for each in status["conditions"]} == {"Accepted", "Programmed"}
    assert all(each["reason"] == "Simulated" for each in status["conditions"])
    assert GATEWAYS.status(gateway(**status)) is None
    older = [{**each, "observedGeneration": 1} for each in status["conditions"]]
    assert GATEWAYS.status(gateway(conditions=older)) is not None


def test_a_status_has_the_required_fields_in_addition_to_its_conditions() -> None:
    role = Condition(
        path="/apis/monitoring.coreos.com/v1/prometheuses", types=("Available",), rest={"replicas": 1}
    )
    status = role.status(gateway())
    assert status
    assert status["replicas"] == 1
    assert role.status(gateway(**status)) is None
