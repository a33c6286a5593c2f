"""Targets, alerts and dashboard of the pipelines."""

from components.monitoring.timing import OPERATION
from components.pipelines import monitoring


def test_a_database_in_the_namespace_has_an_alert_of_its_own() -> None:
    with_database = monitoring.watch({"": "runs"}, OPERATION, database="mysql").rules["pipelines"]
    without = monitoring.watch({"": "runs"}, OPERATION, database=None).rules["pipelines"]
    assert 'deployment!="mysql"' in with_database[1].expression
    assert "deployment" not in without[1].expression.partition("{")[2]
    (own,) = monitoring.database_watch("runs", OPERATION, "mysql").rules["pipelines"]
    assert 'deployment="mysql"' in own.expression


def test_a_failed_run_alerts_at_once() -> None:
    failing, _ = monitoring.watch({"": "runs"}, OPERATION, database=None).rules["pipelines"]
    assert failing.name == "PipelineRunsFailing"  # pyright: ignore
    assert failing.hold_seconds == 0  # pyright: ignore


def test_the_page_shows_pods_of_its_own_namespace() -> None:
    (page,) = monitoring.watch({"": "runs"}, OPERATION, database=None).dashboards
    assert any('namespace="runs"' in query for query in page.queries())


def test_pipelines_of_teams_are_scraped_and_alerted_on_like_those_of_the_stack() -> None:
    servers = {"": "kubeflow", "research": "pipelines-research"}
    watch = monitoring.watch(servers, OPERATION, database="mysql")
    assert {each.name: each.namespace for each in watch.targets} == {
        "pipelines": "kubeflow",
        "workflows": "kubeflow",
        "pipelines-research": "pipelines-research",
        "workflows-research": "pipelines-research",
    }
    assert all(
        'namespace=~"kubeflow|pipelines-research"' in each.expression for each in watch.rules["pipelines"]
    )
