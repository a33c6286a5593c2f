"""What a stack allows."""

from delivery.retraining.limits import RetrainingLimits


def test_they_are_read_from_the_file_of_the_stack() -> None:
    found = RetrainingLimits.from_json(
        {
            "pipelines": {"models": "http://ml-pipeline.kubeflow:8888"},
            "image": "steps:v0",
            "cooldownSeconds": 60,
            "maxPerWeek": 7,
            "minimumLabelledRows": 50,
        }
    )
    assert found == RetrainingLimits(
        pipelines={"models": "http://ml-pipeline.kubeflow:8888"},
        image="steps:v0",
        cooldown_seconds=60,
        max_per_week=7,
        minimum_labelled_rows=50,
    )
