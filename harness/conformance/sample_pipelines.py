"""Upstream's sample pipelines, read from the pinned module: which run here, their inputs, and their end."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from upstream import modules

_PROJECT: Final = "kubeflow-pipelines"
_MODULE: Final = "github.com/kubeflow/pipelines"
_FOLDERS: Final = ("samples/v2", "samples/core", "samples/test", "sdk/python/test_data/pipelines")
_TEST_DATA: Final = "sdk/python/test_data"
_SECRETS: Final = "samples/v2/pre-requisites/test-secrets.yaml"
_TABLE: Final = Path(__file__).with_name("samples.toml")
_COMPILE_SECONDS: Final = 120


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample pipeline that can run on a platform without a cloud."""

    name: str
    """Path of its file in the module."""
    pipeline: str = ""
    """Name of the pipeline in the file; by default the last."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Inputs of the run."""
    ends: str = "SUCCEEDED"
    """State in which the run must end."""
    fault: str = ""
    """Upstream's issue, if a known fault of upstream keeps it from ending so."""


class SampleError(Exception):
    """A sample does not compile, or the table names a file that the module does not have."""


def module() -> Path:
    """Return the folder of the pinned module."""
    return modules.module_dir(_PROJECT, _MODULE)


def samples() -> tuple[Sample, ...]:
    """Return the samples that run here, by name.

    Raises:
        SampleError: the table names a file that the module does not have.
    """
    table = _own_table()
    files = {*_files()}
    named = {name for section in table.values() for name in section}
    if unknown := sorted(named - files):
        raise SampleError(
            f"{_TABLE.name}: no file {', '.join(unknown)} in the pinned module: remove or rename the entry"
        )
    upstream = _upstream_table()
    return tuple(
        _sample(name, table, upstream.get(name, {})) for name in sorted(files - {*table["excepted"]})
    )


def _sample(name: str, table: Mapping[str, Any], upstream: Mapping[str, Any]) -> Sample:
    """Return a sample by its entries in our table and in upstream's."""
    return Sample(
        name=name,
        pipeline=upstream.get("name", ""),
        arguments=table["arguments"].get(name) or upstream.get("arguments", {}),
        ends=table["ends"].get(name) or upstream.get("expected_state", "SUCCEEDED"),
        fault=table["faults"].get(name, ""),
    )


def _own_table() -> Mapping[str, Mapping[str, Any]]:
    """Return what our table says of samples, by section."""
    return tomllib.loads(_TABLE.read_text())


def excepted() -> Mapping[str, str]:
    """Return the reason of every sample that cannot run here, by name."""
    return _own_table()["excepted"]


def faults() -> Mapping[str, str]:
    """Return the issue of every known fault of upstream, and what happens, by name of the sample."""
    return _own_table()["faults"]


def secrets() -> list[dict[str, Any]]:
    """Return the Secrets that samples read, as upstream's tests create them."""
    return [each for each in yaml.safe_load_all((module() / _SECRETS).read_text()) if each]


def compile_package(sample: Sample, folder: Path) -> Path:
    """Compile a sample with the installed SDK and return the package.

    Raises:
        SampleError: it does not compile.
    """
    package = folder / f"{Path(sample.name).stem}.yaml"
    command = [sys.executable, "-W", "ignore", "-m", "harness.conformance.compile_sample"]
    finished = subprocess.run(
        [
            *command,
            str(module() / sample.name),
            str(package),
            *([sample.pipeline] if sample.pipeline else []),
        ],
        capture_output=True,
        text=True,
        timeout=_COMPILE_SECONDS,
        check=False,
    )
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or ["no output"]
        raise SampleError(f"{sample.name}: does not compile: {lines[-1]}")
    return package


def _files() -> Iterator[str]:
    """Yield the files that define a pipeline; tests and helpers of upstream do not."""
    root = module()
    for folder in _FOLDERS:
        for path in (root / folder).rglob("*.py"):
            if path.stem.endswith("_test") or path.name == "__init__.py" or "utils" in path.parts:
                continue
            yield path.relative_to(root).as_posix()


def _upstream_table() -> dict[str, dict[str, Any]]:
    """Return upstream's own table of its test data, by name of the file."""
    text = (module() / _TEST_DATA / "test_data_config.yaml").read_text()
    table = cast("dict[str, Any]", yaml.safe_load(text))["pipelines"]
    return {f"{table['test_data_dir']}/{case['module']}.py": case for case in table["test_cases"]}
