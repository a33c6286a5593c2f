"""Pulumi's own command line on a copy of the repository: a user's backend and passphrase, no secret set."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.engine import programs
from infra.parts import SECRET_KEYS, SECRETS
from simulation.aws.computed_outputs import Site
from simulation.aws.provider import Account, serve
from tests.contract import repository
from tests.fixtures.pulumi_shell import PulumiShell

# Stands in for the platform where a test is about Pulumi's commands: its secrets, and nothing else.
PROGRAM = """
import hashlib
import pulumi
from infra import assembly
from infra.parts import SECRET_KEYS, SECRETS
from infra.settings import reader
reader.load()
for key, value in assembly.keep_secrets(SECRETS, reader.secrets(SECRET_KEYS)).items():
    known = pulumi.Output.unsecret(value)
    pulumi.export(key, known.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()))
    pulumi.export(f"{key}-itself", value)
"""


class PlainPulumi(PulumiShell):
    """A copy of the repository, and a shell of a user who has never heard of `python -m infra`."""

    def __init__(self, folder: Path) -> None:
        repository_copy = folder / "repository"
        self.state = folder / "state"
        for file in repository.files():
            (repository_copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository.ROOT / file, repository_copy / file)
        (repository_copy / ".venv").symlink_to(sys.prefix)
        programs.place_all(folder / "bin")
        self.state.mkdir()
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "AWS_"))
        }
        inherited.pop("KUBECONFIG", None)
        environment = {
            **inherited,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(repository_copy),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": "of this user",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        super().__init__(repository=repository_copy, environment=environment)


@pytest.fixture
def pulumi(tmp_path: Path) -> PlainPulumi:
    return PlainPulumi(tmp_path)


def run_secrets_alone(pulumi: PlainPulumi) -> None:
    """Let the project's program be the test's."""
    project = pulumi.repository / "Pulumi.yaml"
    content: dict[str, Any] = yaml.safe_load(project.read_text())
    project.write_text(yaml.safe_dump(content | {"main": "program"}))
    (pulumi.repository / "program").mkdir()
    (pulumi.repository / "program" / "__main__.py").write_text(PROGRAM)


def test_a_stack_lives_and_its_secrets_are_the_users_alone(pulumi: PlainPulumi) -> None:
    run_secrets_alone(pulumi)
    pulumi("stack", "init", "local")
    pulumi("preview", "--stack", "local")
    pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    first = {key: each for key, each in pulumi.outputs().items() if key in SECRET_KEYS}
    assert sorted(first) == sorted(SECRET_KEYS)
    for path in pulumi.state.rglob("*.json"):
        content = path.read_text()
        assert "PRIVATE KEY" not in content, path
        assert "of this user" not in content, path
    pulumi("refresh", "--yes", "--expect-no-changes", "--stack", "local")
    pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")
    kept = f"urn:pulumi:local::plinth::plinth:index:KeptSecrets$pulumi:index:Stash::secrets-{SECRETS[0].name}"
    pulumi("up", "--yes", "--skip-preview", "--replace", kept, "--stack", "local")
    second = {key: each for key, each in pulumi.outputs().items() if key in SECRET_KEYS}
    assert {key for key in first if first[key] != second[key]} == set(SECRETS[0].keys)
    pulumi("destroy", "--yes", "--skip-preview", "--stack", "local")
    assert pulumi.outputs() == {}


def test_a_stack_on_aws_is_previewed(pulumi: PlainPulumi) -> None:
    port, end = serve(Site(region="eu-west-1"), Account())
    try:
        pulumi.environment["PULUMI_DEBUG_PROVIDERS"] = f"aws:{port}"
        pulumi("stack", "init", "dev")
        output = pulumi("preview", "--stack", "dev")
    finally:
        end()
    assert "error:" not in output
    assert "pulumi:index:Stash" in output
    assert "aws:eks:Cluster" in output


def test_without_a_cluster_the_stack_of_this_machine_says_in_one_line_how_to_get_one(
    pulumi: PlainPulumi, tmp_path: Path
) -> None:
    pulumi.environment["PLINTH_INSTANCE"] = "of-nobody"
    pulumi("stack", "init", "local")
    output = pulumi("preview", "--stack", "local", code=1)
    assert "cluster 'of-nobody' of this machine is not there: run `make cluster`, set KUBECONFIG" in output
