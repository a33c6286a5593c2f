"""Compiled pipelines: the golden form, and what is submitted."""

import pytest
import yaml

from workloads.errors import WorkloadsError
from workloads.pipelines.compiled import PIPELINES, compiled, golden, text
from workloads.steps import WORKLOAD_IMAGE


@pytest.mark.parametrize("name", PIPELINES)
def test_the_golden_form_is_what_the_source_compiles_to(name: str) -> None:
    assert golden(name).read_text() == text(name), (
        f"{name}: its source changed; write what workloads.pipelines.compiled.text returns"
    )


@pytest.mark.parametrize("name", PIPELINES)
def test_every_step_runs_in_the_image_of_the_platform(name: str) -> None:
    spec, _ = compiled(name, "registry/plinth/workload:abc")
    images = {each["container"]["image"] for each in spec["deploymentSpec"]["executors"].values()}
    assert images == {"registry/plinth/workload:abc"}
    assert WORKLOAD_IMAGE in golden(name).read_text()


def test_an_unknown_pipeline_is_refused_with_those_there_are() -> None:
    given = "embed, predict_batch, retrain, train_distributed, train_register_serve, tune"
    with pytest.raises(WorkloadsError, match=rf"^pipeline trian: unknown; give one of {given}$"):
        compiled("trian")


@pytest.mark.parametrize("name", PIPELINES)
def test_the_golden_form_is_a_pipeline_and_its_platform(name: str) -> None:
    spec, platform = yaml.safe_load_all(golden(name).read_text())
    assert spec["pipelineInfo"]["name"] == name.replace("_", "-")
    assert set(platform["platforms"]) == {"kubernetes"}
