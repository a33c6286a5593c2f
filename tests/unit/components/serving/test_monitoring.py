"""Targets, alerts and dashboard of serving."""

from components.monitoring.timing import OPERATION
from components.serving import monitoring
from components.serving.objectives import Objectives


def test_predictors_and_controller_are_scraped_where_they_run() -> None:
    watch = monitoring.watch("kserve", {"": "models"}, Objectives(), OPERATION)
    assert {each.name: each.namespace for each in watch.targets} == {
        "serving-controller": "kserve",
        "predictors": "models",
    }
    predictor, controller = watch.rules["serving"]
    assert 'namespace="models"' in predictor.expression
    assert 'namespace="kserve"' in controller.expression


def test_objectives_are_judged_by_requests_to_the_models_alone() -> None:
    watch = monitoring.watch("kserve", {"": "models"}, Objectives(), OPERATION)
    assert any('service=~"models-.+"' in each.expression for each in watch.rules["serving-objectives"])


def test_models_of_teams_are_scraped_and_judged_like_those_of_the_stack() -> None:
    watch = monitoring.watch("kserve", {"": "models", "research": "research"}, Objectives(), OPERATION)
    assert {each.name: each.namespace for each in watch.targets} == {
        "serving-controller": "kserve",
        "predictors": "models",
        "predictors-research": "research",
    }
    objectives = watch.rules["serving-objectives"]
    assert any('service=~"(models|research)-.+"' in each.expression for each in objectives)
    assert 'namespace=~"models|research"' in watch.rules["serving"][0].expression
