"""Dependencies point one way, and nothing in infra/ hides a module that others import by that name."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contract import repository

ONE_WAY = "simulation -> infra -> components -> upstream, one way"
USERS_ONE_WAY = "harness -> loadtests -> delivery -> workloads, one way"
PRODUCT = "Nothing but tests imports tests, the harness or the simulation"
APART = "Neither the harness nor the simulation imports tests, or each other"
NO_TESTS = "The harness and the simulation know nothing of tests"
ANY_PLATFORM = "Workloads and delivery run on anyone's platform: no infrastructure"
PROGRAM = "The program knows of workloads the contract alone"
COMPONENTS = "Components know neither clusters nor images, and of workloads the contract alone"
FLOOR = "Clusters, images and upstream know nothing of components"
UPSTREAM = "Upstream stands alone"
TERMINAL = "The terminal's progress lines import nothing of this repository"
LOAD = "Load tests know a platform by its endpoints and its serving alone"

# Who imports what, and the contract that must catch it; each is planted in a module of its own.
VIOLATIONS = [
    ("upstream", "components.images", ONE_WAY),
    ("components", "infra.settings", ONE_WAY),
    ("infra", "simulation.aws", ONE_WAY),
    ("workloads", "delivery.promotion", USERS_ONE_WAY),
    ("workloads", "loadtests.slo", USERS_ONE_WAY),
    ("delivery", "loadtests.slo", USERS_ONE_WAY),
    ("delivery", "harness.verification", USERS_ONE_WAY),
    ("loadtests", "harness.verification", USERS_ONE_WAY),
    *((room, "tests.contract", PRODUCT) for room in ("cluster", "components", "images", "infra", "upstream")),
    *((room, "tests.contract", PRODUCT) for room in ("delivery", "loadtests", "workloads")),
    ("cluster", "simulation.aws", PRODUCT),
    ("infra", "harness.verification", PRODUCT),
    ("components", "pytest_kind", PRODUCT),
    ("harness", "simulation.aws", APART),
    ("simulation", "harness.verification", APART),
    ("harness", "tests.contract", NO_TESTS),
    ("simulation", "tests.contract", NO_TESTS),
    ("harness", "pytest_kind", NO_TESTS),
    *(("workloads", name, ANY_PLATFORM) for name in ("infra.settings", "components.images", "cluster.lock")),
    *(("delivery", name, ANY_PLATFORM) for name in ("infra.settings", "upstream.cache", "pulumi")),
    ("infra", "workloads.endpoints", PROGRAM),
    ("infra", "delivery.promotion", PROGRAM),
    ("infra", "loadtests.slo", PROGRAM),
    ("components", "workloads.endpoints", COMPONENTS),
    ("components", "delivery.promotion", COMPONENTS),
    ("components", "cluster.lock", COMPONENTS),
    ("components", "images.registry", COMPONENTS),
    ("cluster", "components.images", FLOOR),
    ("images", "infra.settings", FLOOR),
    ("cluster", "pulumi", FLOOR),
    ("upstream", "images.registry", UPSTREAM),
    ("upstream", "cluster.lock", UPSTREAM),
    ("terminal", "workloads.endpoints", TERMINAL),
    ("loadtests", "components.images", LOAD),
    ("loadtests", "kfp", LOAD),
    ("loadtests", "mlflow", LOAD),
]
ALLOWED = [
    ("infra", "workloads.contract"),
    ("components", "workloads.contract"),
    ("infra", "components.images"),
    ("components", "upstream.cache"),
    ("simulation", "infra.settings"),
    ("harness", "loadtests.slo"),
    ("harness", "infra.settings"),
    ("loadtests", "delivery.promotion"),
    ("delivery", "workloads.endpoints"),
    ("cluster", "upstream.cache"),
    ("images", "upstream.cache"),
    ("tests", "harness.verification"),
    *((room, "terminal.progress") for room in ("cluster", "harness", "images", "upstream", "workloads")),
]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--config", str(folder / "pyproject.toml")]
    environment = {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def _broken(report: str) -> dict[str, set[str]]:
    """Return the imports that each broken contract names."""
    details = report.partition("Broken contracts\n")[2]
    sections = re.split(r"^([^\n]+)\n-{3,}$", details, flags=re.MULTILINE)
    return {
        title: set(re.findall(r"([\w.]+ -> [\w.]+) \(l\.", text))
        for title, text in zip(sections[1::2], sections[2::2], strict=True)
    }


def _planted(number: int, room: str) -> str:
    return f"{room}.planted_{number}"


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What the contracts say of a copy of the rooms that holds every planted import and nothing else."""
    root = tmp_path_factory.mktemp("rooms")
    rooms = (*repository.PACKAGES, "tests")
    for room in rooms:
        (root / room).mkdir()
        (root / room / "__init__.py").touch()
    imports = [(room, name) for room, name, _ in VIOLATIONS] + ALLOWED
    for name in {name for _, name in imports if name.partition(".")[0] in rooms}:
        (root / f"{name.replace('.', '/')}.py").touch()
    for number, (room, name) in enumerate(imports):
        (root / f"{_planted(number, room).replace('.', '/')}.py").write_text(f"import {name}\n")
    (root / "pyproject.toml").write_text((repository.ROOT / "pyproject.toml").read_text())
    done = _lint(root)
    assert done.returncode == 1, done.stdout
    return _broken(done.stdout)


def test_imports_point_one_way() -> None:
    done = _lint(repository.ROOT)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("number", "violation"),
    list(enumerate(VIOLATIONS)),
    ids=[f"{room} imports {name}" for room, name, _ in VIOLATIONS],
)
def test_a_planted_import_is_caught_by_its_contract(
    caught: dict[str, set[str]], number: int, violation: tuple[str, str, str]
) -> None:
    room, name, contract = violation
    assert contract in caught, f"no such contract, or nothing caught by it: {sorted(caught)}"
    assert f"{_planted(number, room)} -> {name}" in caught[contract]


@pytest.mark.parametrize(
    ("number", "room"),
    [(number, room) for number, (room, _) in enumerate(ALLOWED, len(VIOLATIONS))],
    ids=[f"{room} imports {name}" for room, name in ALLOWED],
)
def test_an_import_along_the_direction_is_allowed(
    caught: dict[str, set[str]], number: int, room: str
) -> None:
    assert not [each for found in caught.values() for each in found if _planted(number, room) in each]


def test_every_contract_has_a_planted_violation() -> None:
    settings = tomllib.loads((repository.ROOT / "pyproject.toml").read_text())
    contracts = {each["name"] for each in settings["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for *_, contract in VIOLATIONS}


def test_load_tests_import_only_client_modules_of_workloads() -> None:
    # A list of allowed modules, which contracts of import-linter cannot express.
    allowed = (
        "workloads.endpoints",
        "workloads.errors",
        "workloads.gateway_access",
        "workloads.serving",
    )
    for file in [*repository.modules("loadtests"), Path("loadtests/__main__.py")]:
        for node in ast.walk(ast.parse(repository.text(file))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workloads"):
                names = {alias.name for alias in node.names}
                assert str(node.module).startswith(allowed) or names == {"endpoints"}, (
                    f"{file}: {node.module}"
                )


def test_locust_is_imported_first() -> None:
    # gevent replaces sockets and threads only for modules that are imported after it.
    tree = ast.parse(repository.text(Path("loadtests/__main__.py")))
    first = next(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    assert isinstance(first, ast.Import)
    assert [alias.name for alias in first.names] == ["locust"]


def test_no_module_of_infra_hides_another() -> None:
    # `main: infra` puts infra/ first on sys.path: a platform.py there broke the standard library.
    names = {file.parts[1].removesuffix(".py") for file in repository.modules("infra")}
    taken = set(sys.stdlib_module_names) | set(repository.PACKAGES) | {"tests", "plinth"}
    taken |= set(importlib.metadata.packages_distributions())
    assert len(taken) > 300, "the environment is not the locked one"
    assert not names & taken
