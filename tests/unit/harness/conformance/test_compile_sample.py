from pathlib import Path

import pytest
import yaml

from harness.conformance import compile_sample

_TWO = """
from kfp import dsl

@dsl.component
def step():
    pass

@dsl.pipeline
def inner():
    step()

@dsl.pipeline
def outer():
    inner()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two_pipelines.py"
    path.write_text(_TWO)
    return path


@pytest.mark.parametrize(("name", "compiled"), [("", "outer"), ("inner", "inner")])
def test_the_last_pipeline_is_compiled_unless_one_is_named(file: Path, name: str, compiled: str) -> None:
    package = file.with_suffix(".yaml")
    compile_sample.main(file, package, name)
    assert yaml.safe_load(package.read_text())["pipelineInfo"]["name"] == compiled


def test_a_file_without_the_pipeline_is_named(file: Path) -> None:
    with pytest.raises(LookupError, match=r"two_pipelines.py: no pipeline other among inner, outer"):
        compile_sample.main(file, file.with_suffix(".yaml"), "other")
