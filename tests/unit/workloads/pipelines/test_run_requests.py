"""Requests to the API of Kubeflow Pipelines."""

from workloads.pipelines.compiled import compiled
from workloads.pipelines.run_requests import read_golden, recurring_run_body, run_body


def test_the_kept_form_is_what_the_compiler_makes() -> None:
    assert read_golden("predict_batch", "steps:v1") == compiled("predict_batch", "steps:v1")


def test_a_run_has_the_pipeline_its_inputs_and_a_name() -> None:
    body = run_body("retrain", {"root": 1}, {"platforms": 2}, {"model_name": "wine"})
    assert body == {
        "display_name": "retrain wine",
        "pipeline_spec": {"pipeline_spec": {"root": 1}, "platform_spec": {"platforms": 2}},
        "runtime_config": {"parameters": {"model_name": "wine"}},
    }


def test_a_recurring_run_is_one_at_a_time() -> None:
    body = recurring_run_body({"display_name": "retrain wine"}, 3600)
    assert body["display_name"] == "retrain wine"
    assert body["trigger"] == {"periodic_schedule": {"interval_second": "3600"}}
    assert (body["max_concurrency"], body["no_catchup"], body["mode"]) == ("1", True, "ENABLE")
