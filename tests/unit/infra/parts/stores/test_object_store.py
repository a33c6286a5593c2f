"""The object store in the cluster has the buckets of all parts and lets in who uses one."""

from components.connections import ObjectStoreConnections
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.parts.stores.object_store import OBJECT_STORE
from infra.settings import stack_file
from tests.fixtures import platform


def test_its_clients_are_the_gateway_and_the_pods_that_use_a_bucket() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert made.clients(OBJECT_STORE.name) == (
        "delivery",
        "gateway",
        "kubeflow",
        "mlflow",
        "models",
        "runs",
    )
    assert made.servers(ObjectStoreConnections) == ("object-store",)


def test_every_bucket_of_a_part_is_created() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert [(each.name, each.owner, each.readers) for each in made.buckets] == [
        ("mlflow", "tracking", ("serving",)),
        ("pipelines", "pipelines", ()),
        ("payloads", "delivery", ()),
    ]


def test_it_sends_statistics_only_where_something_scrapes_them() -> None:
    monitored = platform.stack("local").pods()["object-store-server"]
    assert "statsd" in str(monitored)
    settings = stack_file.settings("local")
    bare = settings.model_copy(
        update={"monitoring": settings.monitoring.model_copy(update={"enabled": False})}
    )
    assert "statsd" not in str(platform.deployed(bare).pods()["object-store-server"])


def test_a_stack_with_s3_does_not_have_it() -> None:
    assert not OBJECT_STORE.wanted(stack_file.settings("prod"))
    assert not platform.stack("prod").of_type("plinth:index:ObjectStore")
