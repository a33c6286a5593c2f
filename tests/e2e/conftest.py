"""The platform that journeys run on: an instance of their own, or the running platform."""

import os
import subprocess
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes import client

from harness import chain
from harness.diagnostics import diagnose
from harness.evidence import stories
from harness.evidence.stories import Story
from infra.parts.tenant import Tenant
from infra.settings import stack_file
from infra.settings.stack import Settings
from tests.e2e import rolling, through_gateway
from tests.e2e.failing_runs import FailingRuns
from tests.e2e.two_teams import Team
from tests.fixtures.trust import trusted
from workloads import cluster_client
from workloads.endpoints import Endpoints

REPOSITORY = Path(__file__).parents[2]
_INSTANCE = "test"
# A machine without a cache builds for most of an hour; with one, this takes minutes.
_UP_SECONDS = 80 * 60
_DOWN_SECONDS = 10 * 60


def _make(target: str, timeout_seconds: float) -> None:
    done = subprocess.run(
        ["make", target, f"INSTANCE={_INSTANCE}"], cwd=REPOSITORY, timeout=timeout_seconds, check=False
    )
    if done.returncode:
        pytest.exit(f"`make {target} INSTANCE={_INSTANCE}` failed with exit {done.returncode}; see above", 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow journeys last: they break things, and quick results should come first."""
    items.sort(key=lambda item: item.path.is_relative_to(Path(__file__).parent) and _is_slow(item))


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a diagnosis of the platform to the report of a failed journey."""
    report = yield
    found = getattr(item, "funcargs", {}).get("endpoints")
    if report.failed and isinstance(found, Endpoints):
        own = (found.pipelines_namespace, found.tracking_namespace, found.models_namespace)
        namespaces = (*own, "kubeflow", "gateway")
        report.sections.append(("platform", diagnose(found.kubeconfig, namespaces)))
    return report


@pytest.fixture(scope="session")
def endpoints(
    request: pytest.FixtureRequest, stack: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Endpoints]:
    """Endpoints of the running platform, or of an instance that `make up` starts and `make down` removes."""
    if request.config.getoption("--running-platform"):
        # A file with the endpoints of another platform, such as one behind a tunnel.
        file = os.environ.get("PLINTH_ENDPOINTS")
        found = Endpoints.from_file(Path(file)) if file else Endpoints.of_stack(stack)
        with trusted(found, tmp_path_factory.mktemp("trust")):
            yield found
        return
    os.environ["PLINTH_INSTANCE"] = _INSTANCE
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        _make("up", _UP_SECONDS)
    try:
        yield Endpoints.of_stack("local")
    finally:
        if not request.config.getoption("--keep"):
            with capture.global_and_fixture_disabled():
                _make("down", _DOWN_SECONDS)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> str:
    """Stack of the platform."""
    return str(request.config.getoption("--stack"))


@pytest.fixture(scope="session")
def settings(stack: str) -> Settings:
    """Settings of that stack."""
    return stack_file.settings(stack)


@pytest.fixture(scope="module")
def api(endpoints: Endpoints) -> Any:
    """Client of the Kubernetes core API."""
    return client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))


@pytest.fixture(scope="session")
def teams(settings: Settings, endpoints: Endpoints, stack: str) -> list[Team]:
    """The teams of the stack, two or more."""
    assert endpoints
    if len(settings.teams) < 2:
        pytest.skip(f"stack {stack} has no two teams: `make up STACK=teams`, then ONLY=teams")
    return [
        Team(tenant=Tenant(team=each.name), endpoints=Endpoints.of_stack(stack, each.name))
        for each in settings.teams
    ]


@pytest.fixture(scope="session")
def wine(endpoints: Endpoints) -> Generator[httpx.Client]:
    """A client of the wine model through the gateway."""
    with through_gateway.connect(endpoints, endpoints.model_host("wine")) as client:
        yield client


@pytest.fixture(scope="session")
def runs(endpoints: Endpoints) -> Mapping[str, str]:
    """Runs for the models besides that of `make up`, by model; submitted together, as each mostly waits."""
    return chain.submit_all(endpoints)


@pytest.fixture(autouse=True)
def _runs_under_way(request: pytest.FixtureRequest) -> None:
    """Submit these runs before the first journey that can share the machine: they take minutes."""
    wanted = any("runs" in getattr(item, "fixturenames", ()) for item in request.session.items)
    if wanted and not _is_slow(request.node) and not request.node.get_closest_marker("alone"):
        request.getfixturevalue("runs")


@pytest.fixture(scope="session")
def failing(endpoints: Endpoints) -> FailingRuns:
    """Runs that must fail."""
    return FailingRuns.submit(endpoints)


@pytest.fixture(scope="module")
def row(endpoints: Endpoints) -> list[float]:
    """A row that callers of wine send."""
    return rolling.row_of(endpoints)


@pytest.fixture
def former(endpoints: Endpoints) -> Generator[str]:
    """The version of wine that serves before and after the test."""
    with rolling.serving_again(endpoints) as version:
        yield version


@pytest.fixture
def nothing_under_way(endpoints: Endpoints) -> None:
    """A model without a rollout that a test which was interrupted has left."""
    rolling.end_what_is_under_way(endpoints)


@pytest.fixture
def keep_story(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Keeps a story with the reports of `make verify`, for the page of the night."""
    report: str | None = request.config.getoption("xmlpath")

    def write(story: Story) -> None:
        if report is not None:
            stories.write(story, Path(report).parent / stories.FOLDER)

    return write
