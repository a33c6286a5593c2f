from components.monitoring.scope import Scope

from components.monitoring import platform_rules
from components.monitoring.prometheus_monitoring import rule_groups
from components.monitoring.rules import Alert, Rule
from components.monitoring.timing import OPERATION, REHEARSAL
from tests.unit.components.monitoring.platform import CLOUD, LOCAL, OBJECTIVES

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


def alerts(scope: Scope) -> dict[str, Alert]:
    groups = rule_groups(scope, OBJECTIVES, REHEARSAL, {"kserve": 1})
    rules: list[Rule] = [rule for rules in groups.values() for rule in rules]
    return {each.name: each for each in rules if isinstance(each, Alert)}


def test_every_part_has_its_alert() -> None:
    assert alerts(LOCAL).keys() >= WANTED


def test_stores_that_run_in_the_cloud_are_watched_by_the_cloud() -> None:
    gone = alerts(LOCAL).keys() - alerts(CLOUD).keys()
    assert gone == {"ObjectStoreDown", "ObjectStoreErrors", "PipelinesDatabaseDown", "TrackingDatabaseDown"}
    assert "deployment!=" not in alerts(CLOUD)["PipelinesDown"].expression


def test_every_alert_says_where_to_look_and_how_bad_it_is() -> None:
    for alert in alerts(LOCAL).values():
        assert alert.severity in ("critical", "warning"), alert.name
        assert len(alert.summary) > 20, alert.name
        assert len(alert.remedy) > 10, alert.name
        assert alert.fires_within_seconds > alert.hold_seconds, alert.name


def test_a_gpu_is_waited_for_longer_than_a_pool_needs_to_grow() -> None:
    (alert,) = platform_rules.gpus(OPERATION)
    assert isinstance(alert, Alert)
    assert alert.hold_seconds == 900


def test_names_are_used_once() -> None:
    groups = rule_groups(LOCAL, OBJECTIVES, OPERATION, {})
    names = [each.name for rules in groups.values() for each in rules if isinstance(each, Alert)]
    assert len(names) == len(set(names))
