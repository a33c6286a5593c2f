"""What parts give to the monitoring becomes one whole, or is refused."""

import pytest

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import Recording, alert
from components.monitoring.targets import Target
from components.monitoring.timing import OPERATION
from components.monitoring.watch import Watch, merged
from tests.fixtures import watches

WANTED = {
    "CertificateExpires",
    "GatewayDown",
    "GpuPodsPending",
    "NodeDiskFilling",
    "ObjectStoreDown",
    "ObjectStoreErrors",
    "PipelineRunsFailing",
    "PipelinesDatabaseDown",
    "PredictorDown",
    "RegistryDown",
    "TrackingDatabaseDown",
}
STORES = {"ObjectStoreDown", "ObjectStoreErrors", "PipelinesDatabaseDown", "TrackingDatabaseDown"}
SCALERS = {"NodesNotProvisioned", "NodesNotStarting", "QueuesDown"}
A, B = (Panel(title=each, queries={"": each}) for each in ("a", "b"))


def target(name: str) -> Target:
    return Target(name=name, namespace="n", labels={"a": "b"}, port=1, metrics=("up",))


def test_every_part_has_its_alert() -> None:
    assert watches.alerts().keys() >= WANTED


def test_stores_that_run_in_the_cloud_are_watched_by_the_cloud_and_what_starts_nodes_by_us() -> None:
    local, cloud = watches.alerts("local"), watches.alerts("prod", OPERATION)
    assert local.keys() - cloud.keys() == STORES
    assert cloud.keys() - local.keys() == SCALERS
    assert "deployment!=" not in cloud["PipelinesDown"].expression


def test_every_alert_says_where_to_look_and_how_bad_it_is() -> None:
    for each in (*watches.alerts("local").values(), *watches.alerts("prod", OPERATION).values()):
        assert each.severity in ("critical", "warning"), each.name
        assert len(each.summary) > 20, each.name
        assert len(each.remedy) > 10, each.name
        assert each.fires_within_seconds > each.hold_seconds, each.name


def test_a_gpu_is_waited_for_longer_than_a_pool_needs_to_grow() -> None:
    assert watches.alerts("local", OPERATION)["GpuPodsPending"].hold_seconds == 900


def test_groups_of_several_parts_become_one_and_their_order_is_that_of_their_names() -> None:
    first, second, third = (Recording(record=each, expression="1") for each in ("x", "y", "z"))
    found = merged(
        [Watch(rules={"b": (first,)}), Watch(rules={"a": (second,)}), Watch(rules={"b": (third,)})]
    )
    assert found.rules == {"a": (second,), "b": (first, third)}
    assert [*found.rules] == ["a", "b"]


def test_targets_come_in_the_order_of_their_names() -> None:
    found = merged([Watch(targets=(target("b"),)), Watch(targets=(target("a"),))])
    assert [each.name for each in found.targets] == ["a", "b"]


def test_panels_are_added_behind_those_of_the_page_whoever_comes_first() -> None:
    added = Watch(dashboards=(Dashboard(name="page", panels=(A,)),))
    own = Watch(dashboards=(Dashboard(name="page", title="Page", panels=(B,)),))
    assert merged([added, own]).dashboards == (Dashboard(name="page", title="Page", panels=(B, A)),)


@pytest.mark.parametrize(
    ("watch", "message"),
    [
        (
            Watch(targets=(target("one"),)),
            "target 'one' is defined by 2 parts: rename all but one",
        ),
        (
            Watch(rules={"g": (alert(OPERATION, "Down", "up == 0", "s", "r"),)}),
            "monitoring: alert 'Down' is defined by 2 parts",
        ),
        (
            Watch(dashboards=(Dashboard(name="page", title="Page", panels=(A,)),)),
            "monitoring: dashboard 'page' is defined by 2 parts",
        ),
    ],
)
def test_a_name_that_two_parts_use_is_refused(watch: Watch, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        merged([watch, watch])


def test_panels_for_a_page_that_no_part_has_are_refused() -> None:
    with pytest.raises(ValueError, match="panels are added to the dashboard 'page', which no part has"):
        merged([Watch(dashboards=(Dashboard(name="page", panels=(A,)),))])
