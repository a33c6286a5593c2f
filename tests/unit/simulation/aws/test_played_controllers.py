"""Stand-ins for controllers whose pods do not run."""

from typing import Any

from simulation.aws.played_controllers import Condition, LoadBalancers

SERVICES = LoadBalancers(path="/api/v1/services")
GATEWAYS = Condition(path="/apis/gateway.networking.k8s.io/v1/gateways", types=("Accepted", "Programmed"))


def gateway(**status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def test_a_load_balancer_gets_an_address_once() -> None:
    service: dict[str, Any] = {"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}}
    status = SERVICES.status(service)
    assert status
    assert SERVICES.status({**service, "status": status}) is None
    assert SERVICES.status({"spec": {"type": "ClusterIP"}, "status": {}}) is None


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
