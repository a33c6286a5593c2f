"""The demand that follows from settings; a contract test compares it with what the program registers."""

from typing import Any

import pytest

from components import images
from components.aws import network_plan
from infra.account.demand import Demand, demand_of
from infra.errors import InfraError
from infra.settings import reader
from infra.settings.cluster import CapacityType
from tests.unit.infra import choices


def demand(stack: str, **changes: Any) -> Demand:
    values = choices.of_stack(stack)
    for path, value in changes.items():
        values = choices.changed(values, path.replace("__", "."), value)
    return demand_of(reader.parse(values), stack)


def test_a_stack_without_aws_is_refused() -> None:
    with pytest.raises(InfraError, match="--stack local: its cluster is of kind kubeconfig"):
        demand("local")


def test_every_zone_has_a_nat_gateway_in_production_and_one_does_for_the_rest() -> None:
    assert demand("prod").nat_gateways == 3
    assert demand("dev").nat_gateways == 1


def test_every_service_has_an_address_in_every_zone_where_endpoints_are_asked_for() -> None:
    services = len(network_plan.INTERFACE_ENDPOINTS)
    assert demand("prod").interface_endpoints == 3 * services
    assert demand("dev").interface_endpoints == 0
    assert demand("dev", cluster__network__privateEndpoints=True).interface_endpoints == 2 * services


def test_a_node_group_grows_to_its_max_on_any_of_its_types() -> None:
    (_, pool) = demand("dev").pools
    assert (pool.name, pool.min_nodes, dict(pool.max_by_type)) == (
        "small",
        0,
        {"g6.xlarge": 2, "g6.2xlarge": 2},
    )
    assert pool.capacity_type is CapacityType.SPOT
    assert pool.zones == ("us-east-1a", "us-east-1b")


def test_karpenter_counts_gpus_and_so_fewer_large_nodes() -> None:
    (batch,) = [pool for pool in demand("prod").pools if pool.name == "batch"]
    assert batch.max_by_type == {"g6e.xlarge": 8, "g6e.4xlarge": 8, "g6e.12xlarge": 2, "g6e.48xlarge": 1}
    assert batch.max_nodes == 8


def test_databases_and_buckets_are_counted_where_aws_runs_them() -> None:
    prod = demand("prod")
    assert [(each.engine, each.instance_class, each.storage_gib) for each in prod.databases] == [
        ("postgres", "db.m7g.large", 100),
        ("mariadb", "db.m7g.large", 100),
    ]
    assert all(each.multi_az for each in prod.databases)
    assert [each.identifier for each in prod.databases] == ["plinth-prod-tracking", "plinth-prod-pipelines"]
    assert "/aws/rds/instance/plinth-prod-pipelines/slowquery" in prod.log_groups
    assert prod.buckets[0] == "plinth-prod-111122223333-pipelines"
    assert prod.volumes_gib == 20  # Prometheus
    assert demand("prod", monitoring={"enabled": False}).volumes_gib == 0
    inside = demand(
        "dev",
        storage__postgres=None,
        storage__pipelinesDatabase=None,
        storage__objects="incluster",
        storage__objectsSize="30Gi",
        monitoring={"enabled": True, "storageSize": "10Gi"},
    )
    assert not inside.databases
    assert not inside.buckets
    assert inside.keys < prod.keys
    assert inside.volumes_gib == 20 + 20 + 30 + 10


def test_hosts_of_the_gateway_are_below_its_domain() -> None:
    hosts = demand("prod").hosts
    assert "mlflow.plinth.example.com" in hosts
    assert all(each.endswith(".plinth.example.com") for each in hosts)
    assert demand("dev", gateway__domain="a.example").hosts[0].endswith(".a.example")


def test_public_images_are_those_that_this_repository_does_not_publish() -> None:
    found = demand("dev").public_images
    assert "traefik" in found["docker.io"]
    names = [name for listed in found.values() for name in listed]
    assert not [name for name in names if images.is_own(name)]
    assert len(set(names)) == len(names)
