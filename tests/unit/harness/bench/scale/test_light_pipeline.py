"""The pipeline of the bench."""

from pathlib import Path

import yaml

from harness.bench.scale import light_pipeline


def test_it_has_one_step_of_the_platforms_image_and_no_cache(tmp_path: Path) -> None:
    (spec,) = yaml.safe_load_all(light_pipeline.compile_to(tmp_path, "plinth/workload:abc").read_text())
    (executor,) = spec["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"] == "plinth/workload:abc"
    assert "pip" not in str(executor["container"]["command"]), "a step installs nothing"
    (task,) = spec["root"]["dag"]["tasks"].values()
    assert task["cachingOptions"] == {}
