"""Dependencies point one way, and nothing in infra/ hides a module that others import by that name."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import repository


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--config", str(folder / "pyproject.toml")]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={"PYTHONPATH": str(folder)}
    )


def test_imports_point_one_way() -> None:
    done = _lint(repository.ROOT)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("components/planted.py", "import infra.settings"),
        ("workloads/planted.py", "import components.images"),
        ("cluster/planted.py", "import components.images"),
        ("upstream/planted.py", "import images.recipe"),
        ("terminal/planted.py", "import images.recipe"),
        ("infra/planted.py", "import harness"),
        ("loadtests/planted.py", "import components.images"),
        ("loadtests/planted.py", "import harness"),
        ("workloads/planted.py", "import loadtests.slo"),
    ],
)
def test_a_planted_import_against_the_direction_is_caught(
    module: str, statement: str, tmp_path: Path
) -> None:
    for package in (*repository.PACKAGES, "tests"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    targets = ("infra/settings/", "components/images.py", "images/recipe.py", "harness.py")
    for target in (*targets, "loadtests/slo.py"):
        (tmp_path / target).touch()
    (tmp_path / module).write_text(statement)
    (tmp_path / "pyproject.toml").write_text((repository.ROOT / "pyproject.toml").read_text())
    done = _lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_load_tests_know_of_workloads_only_what_a_client_knows() -> None:
    # A list of what is allowed, which the contracts of import-linter cannot say.
    allowed = ("workloads.endpoints", "workloads.errors", "workloads.serving")
    for file in [*repository.modules("loadtests"), Path("loadtests/__main__.py")]:
        for node in ast.walk(ast.parse(repository.text(file))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workloads"):
                names = {alias.name for alias in node.names}
                assert str(node.module).startswith(allowed) or names == {"endpoints"}, (
                    f"{file}: {node.module}"
                )


def test_locust_is_imported_before_all_else() -> None:
    # gevent replaces sockets and threads, but only for what is imported after it.
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
