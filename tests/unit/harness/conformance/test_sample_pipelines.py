from pathlib import Path

import pytest
import yaml

from harness.conformance import sample_pipelines
from harness.conformance.sample_pipelines import Sample, SampleError


def test_every_sample_of_the_module_runs_or_has_a_reason_not_to() -> None:
    samples = [sample.name for sample in sample_pipelines.samples()]
    # The bound is the promise: a new version of the module may bring more.
    assert len(samples) >= 35
    assert not {*samples} & {*sample_pipelines.excepted()}
    assert "samples/v2/hello_world.py" in samples
    assert all(sample_pipelines.excepted().values())


def test_upstreams_own_table_gives_arguments_and_ends() -> None:
    samples = {sample.name.rpartition("/")[2]: sample for sample in sample_pipelines.samples()}
    assert samples["lightweight_python_functions_pipeline.py"].arguments == {"message": "here is my message"}
    assert samples["pipeline_with_exit_handler.py"].ends == "FAILED"
    assert samples["hello_world.py"].ends == "SUCCEEDED"


def test_an_entry_without_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "samples.toml"
    table.write_text('[ends]\n[arguments]\n[faults]\n[excepted]\n"samples/gone.py" = "no reason"\n')
    monkeypatch.setattr(sample_pipelines, "_TABLE", table)
    with pytest.raises(SampleError, match=r"samples\.toml: no file samples/gone\.py in the pinned module"):
        sample_pipelines.samples()


def test_the_secrets_are_those_of_upstreams_tests() -> None:
    names = {secret["metadata"]["name"]: secret["stringData"] for secret in sample_pipelines.secrets()}
    assert names["test-secret-1"] == {"username": "user1"}


def test_a_sample_is_compiled_as_it_is(tmp_path: Path) -> None:
    package = sample_pipelines.compile_package(Sample(name="samples/v2/hello_world.py"), tmp_path)
    (executor,) = yaml.safe_load(package.read_text())["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"].startswith("python:3.")


def test_a_sample_that_does_not_compile_is_named(tmp_path: Path) -> None:
    sample = Sample(name="samples/core/output_a_directory/output_a_directory.py")
    with pytest.raises(SampleError, match=r"output_a_directory\.py: does not compile: SyntaxError"):
        sample_pipelines.compile_package(sample, tmp_path)
