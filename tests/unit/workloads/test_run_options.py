"""Options of pipelines, and what they are without being given."""

import argparse
import inspect

import pytest

from workloads import run_options
from workloads.errors import WorkloadsError
from workloads.pipelines import inputs


def parsed(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run_options.add_training(parser)
    run_options.add_search(parser)
    return parser.parse_args(given)


def test_the_defaults_are_those_of_the_pipelines() -> None:
    offered = {
        **inspect.signature(inputs.for_training).parameters,
        **inspect.signature(inputs.for_tuning).parameters,
    }
    found = vars(parsed())
    for name in ("minimum_accuracy", "minimum_r2", "seed", "replace", "family", "objective", "threshold"):
        assert found[name] == offered[name].default, name
    for name in ("trials", "sampler", "early_stopping", "engine"):
        assert found[name] == offered[name].default, name
    assert found["search"] == []
    assert found["target"] == run_options.TARGET


def test_bounds_may_be_given_several_times() -> None:
    found = parsed("--search", "regularization=0.1..1", "--search", "max_depth=4")
    assert found.search == ["regularization=0.1..1", "max_depth=4"]


def test_the_choices_of_a_search_are_those_that_are_checked_and_submitted() -> None:
    found = run_options.search_of(parsed("--engine", "katib", "--trials", "3"))
    assert (found["engine"], found["trials"]) == ("katib", 3)
    assert found.keys() < inspect.signature(inputs.refuse_search).parameters.keys()
    assert found.keys() < inspect.signature(inputs.for_tuning).parameters.keys()


def test_nodes_train_the_family_that_can_be_divided() -> None:
    parser = argparse.ArgumentParser()
    run_options.add_training(parser)
    run_options.add_nodes(parser)
    found = vars(parser.parse_args([]))
    assert found["family"] == "xgboost"
    offered = inspect.signature(inputs.for_nodes).parameters
    for name in ("nodes", "cpus_per_node", "memory_per_node"):
        assert found[name] == offered[name].default, name


@pytest.mark.parametrize("given", ["--local", "--stay"])
def test_a_laptop_is_one_node(given: str) -> None:
    parser = argparse.ArgumentParser()
    run_options.add_training(parser)
    with pytest.raises(WorkloadsError, match="a laptop is one node"):
        run_options.refuse_local_nodes(parser.parse_args([given]))


@pytest.mark.parametrize("missing", ["--data", "--name"])
def test_predictions_need_a_table_and_a_model(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    run_options.add_prediction(parser)
    given = {"--data": "a.csv", "--name": "wine"}
    del given[missing]
    with pytest.raises(SystemExit):
        parser.parse_args([word for pair in given.items() for word in pair])
    assert f"the following arguments are required: {missing}" in capsys.readouterr().err
