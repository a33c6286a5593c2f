"""The recipe of CONTRIBUTING adds a whole part, and what follows from it needs no further edit."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract import repository

_CONTRIBUTING = Path("CONTRIBUTING.md")
_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TUPLE = re.compile(
    r"^`(?P<file>infra/parts/__init__\.py)`, with `(?P<import>[^`]+)` above:\n\n```diff\n"
    r"(?P<before>[^\n]+)\n\+(?P<line>[^\n]+)\n```$",
    re.MULTILINE,
)
# What the copy of the repository says of its local stack; run there, so that nothing of this one is imported.
_QUESTIONS = """
import json
from components import images
from infra.parts import PARTS, SECRET_KEYS
from infra.parts.plan import plan
from infra.settings import stack_file
from tests.fixtures import platform

settings = stack_file.settings("local")
made = plan(settings, PARTS)
deployment = platform.deployed(settings)
policies = {
    each.inputs["metadata"]["namespace"]
    for each in deployment.of_type("NetworkPolicy")
    if each.inputs["metadata"]["name"] == "default-deny"
}
gateway = deployment.one("NetworkPolicy", "traefik-policy").inputs["spec"]
monitor = deployment.one("PodMonitor", "monitoring-notes-monitor").inputs["spec"]
prometheus = deployment.one("NetworkPolicy", "monitoring-prometheus-policy").inputs["spec"]
print(json.dumps({
    "closed": "notes" in policies and "notes" in made.closed_namespaces,
    "image": images.reference("notes"),
    "images": list(made.images),
    "secrets": list(SECRET_KEYS),
    "monitor": monitor["namespaceSelector"]["matchNames"],
    "rules": json.dumps(deployment.one("PrometheusRule").inputs["spec"]),
    "routes": deployment.result["routes"],
    "gateway": json.dumps(gateway),
    "prometheus": json.dumps(prometheus),
}))
"""


def _written() -> dict[str, str]:
    """Return the files of the recipe."""
    return {name: content for name, content in _FILE.findall(repository.text(_CONTRIBUTING))}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository with the recipe's part in it."""
    root = tmp_path_factory.mktemp("repository")
    for file in repository.files():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository.ROOT / file, root / file)
    for name, content in _written().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    edit = _TUPLE.search(repository.text(_CONTRIBUTING))
    assert edit, "CONTRIBUTING shows no line for the tuple of parts"
    tuple_file = root / edit["file"]
    text = tuple_file.read_text()
    assert text.count(f"{edit['before'][1:]}\n") == 1
    text = text.replace(f"{edit['before'][1:]}\n", f"{edit['before'][1:]}\n{edit['line']}\n")
    tuple_file.write_text(text.replace("from infra.parts.nodes", f"{edit['import']}\nfrom infra.parts.nodes"))
    return root


def _run(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answers(copy: Path) -> dict[str, Any]:
    return json.loads(_run(copy, "-c", _QUESTIONS))


def test_the_recipe_is_one_component_one_part_one_image_and_a_line() -> None:
    assert sorted(_written()) == [
        "components/notes/notes.py",
        "images/notes/Dockerfile",
        "infra/parts/notes.py",
    ]


def test_its_namespace_is_closed(answers: dict[str, Any]) -> None:
    assert answers["closed"] is True


def test_its_image_is_among_those_of_the_stack(copy: Path, answers: dict[str, Any]) -> None:
    assert "notes" in answers["images"]
    lines = _run(copy, "-m", "infra", "images", "--stack", "local").splitlines()
    assert f"notes={answers['image']}" in lines


def test_its_server_is_scraped_and_prometheus_may_reach_it(answers: dict[str, Any]) -> None:
    assert answers["monitor"] == ["notes"]
    assert '"notes"' in answers["prometheus"]
    assert "NotesDown" in answers["rules"]


def test_its_host_is_an_output_and_the_gateway_may_reach_it(answers: dict[str, Any]) -> None:
    assert {
        "host": "notes.plinth.localhost",
        "title": "Notes",
        "description": "A page to write on.",
    } in answers["routes"]
    assert '"notes"' in answers["gateway"]


def test_its_password_is_generated(answers: dict[str, Any]) -> None:
    assert "notesPassword" in answers["secrets"]


def test_its_code_is_as_the_linter_wants_it(copy: Path) -> None:
    files = [name for name in _written() if name.endswith(".py")]
    _run(copy, "-m", "ruff", "check", "--no-cache", *files)
    _run(copy, "-m", "ruff", "format", "--no-cache", "--check", *files)
