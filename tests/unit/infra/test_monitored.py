import pytest

from components.monitoring.prometheus_monitoring import PrometheusMonitoringArgs
from components.monitoring.timing import OPERATION, REHEARSAL
from infra import monitored
from infra.errors import SettingsError
from infra.settings import reader, stack_file
from tests.unit.components import sample

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def args(monitoring: dict[str, object]) -> PrometheusMonitoringArgs:
    chosen = reader.parse({"cluster": CLUSTER, "monitoring": monitoring})
    return monitored.monitoring_args(
        chosen,
        namespace="monitoring",
        namespaces={"models": "models", "monitoring": "monitoring"},
        gateway=sample.GATEWAY,
        certificates={},
    )


def test_without_a_choice_alerts_come_at_the_pace_of_operation() -> None:
    found = args({})
    assert found.timing is OPERATION
    assert found.remote_write is None
    assert found.grafana_image is None


def test_choices_reach_the_component() -> None:
    found = args(
        {
            "pace": "rehearsal",
            "retention": "2d",
            "objectives": {"availability": 0.99, "latencySeconds": 0.1},
            "remoteWrite": {"url": "https://aps.example/write", "region": "us-east-1"},
            "webhookUrl": "https://hooks.example",
        }
    )
    assert found.timing is REHEARSAL
    assert found.retention == "2d"
    assert found.objectives.availability == 0.99
    assert found.objectives.latency_seconds == 0.1
    assert found.remote_write is not None
    assert found.remote_write.region == "us-east-1"
    assert found.webhook_url == "https://hooks.example"


def test_stores_in_the_cluster_are_watched_where_they_are() -> None:
    found = monitored.scope(reader.parse({"cluster": CLUSTER}), "models")
    assert (found.postgres, found.pipelines_database, found.object_store) == (
        "databases",
        "mysql",
        "object-store",
    )


def test_stores_of_a_cloud_are_left_to_it() -> None:
    found = monitored.scope(stack_file.settings("prod"), "models")
    assert (found.postgres, found.pipelines_database, found.object_store) == (None, None, None)


@pytest.mark.parametrize(
    ("monitoring", "message"),
    [
        ({"pace": "slow"}, "plinth:monitoring.pace is \"slow\"; it must be 'operation' or 'rehearsal'"),
        ({"retention": "15"}, 'plinth:monitoring.retention is "15"; it must match pattern'),
        ({"objectives": {"availability": 99.5}}, "plinth:monitoring.objectives.availability is 99.5"),
        ({"remoteWrite": {}}, "plinth:monitoring.remoteWrite.url is missing"),
        ({"retension": "2d"}, "plinth:monitoring.retension is not a setting; allowed here: enabled"),
    ],
)
def test_a_wrong_choice_is_named_with_what_is_allowed(monitoring: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        reader.parse({"cluster": CLUSTER, "monitoring": monitoring})
    assert message in str(caught.value)
