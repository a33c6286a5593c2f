"""The running platform, as strangers' clients see it."""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from harness.conformance.sample_pipelines import Sample
from harness.conformance.sample_runs import SampleRuns, secrets_of_samples
from tests.fixtures.trust import trusted
from workloads.endpoints import Endpoints


@pytest.fixture(scope="session")
def endpoints(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Endpoints]:
    """Endpoints of the running platform."""
    found = Endpoints.of_stack(str(request.config.getoption("--stack")))
    with trusted(found, tmp_path_factory.mktemp("trust")):
        yield found


@pytest.fixture(scope="session")
def sample_runs(
    request: pytest.FixtureRequest, endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory
) -> Generator[SampleRuns]:
    """Runs of every selected sample; a few run at the same time."""
    chosen: list[Sample] = [
        cast("Sample", item.callspec.params["sample"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and "sample_runs" in item.fixturenames
    ]
    folder: Path = tmp_path_factory.mktemp("samples")
    with secrets_of_samples(endpoints), SampleRuns(endpoints, chosen, folder) as runs:
        yield runs
