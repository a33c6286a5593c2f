"""Pulumi's own command line works on what `make up` installed, as the how-to says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.instance import Instance
from tests.contract import repository
from tests.fixtures.pulumi_shell import PulumiShell
from workloads.endpoints import Endpoints

_SECONDS = 300
_CHANGES_NOTHING = ("--expect-no-changes", "--suppress-outputs")


@pytest.fixture(scope="module")
def pulumi(endpoints: Endpoints) -> PulumiShell:
    """The shell of a user who has followed docs/how-to/run-plain-pulumi.md."""
    told = subprocess.run(
        [sys.executable, "-m", "infra", "env", "--stack", "local"],
        cwd=repository.ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    ).stdout
    # A shell reads the lines, as `eval` does.
    printed = subprocess.run(
        ["sh", "-c", f"{told}\nexec env -0"], capture_output=True, text=True, check=True, timeout=_SECONDS
    ).stdout
    state = Instance(Path(endpoints.kubeconfig).parent.name).folder / "pulumi"
    environment = dict(line.split("=", 1) for line in printed.split("\0") if line)
    own = {key: value for key, value in environment.items() if not key.startswith(("PLINTH_", "PULUMI_"))}
    chosen = {
        "PULUMI_BACKEND_URL": f"file://{state / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state / "passphrase"),
    }
    return PulumiShell(repository=repository.ROOT, environment={**own, **chosen}, seconds=_SECONDS)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Arguments that choose the stack of this machine; Pulumi writes a salt into the file."""
    copy = tmp_path_factory.mktemp("stack") / "Pulumi.local.yaml"
    shutil.copy(repository.ROOT / "stacks" / copy.name, copy)
    return ("--stack", "local", "--config-file", str(copy))


@pytest.mark.parametrize(
    "words",
    [
        ("preview", *_CHANGES_NOTHING),
        ("up", "--yes", "--skip-preview", *_CHANGES_NOTHING),
        ("refresh", "--preview-only", *_CHANGES_NOTHING),
    ],
    ids=lambda words: words[0],
)
def test_plain_pulumi_finds_nothing_to_change(
    pulumi: PulumiShell, stack: tuple[str, ...], words: tuple[str, ...]
) -> None:
    pulumi(*words, *stack)


def test_plain_pulumi_shows_the_outputs(pulumi: PulumiShell, endpoints: Endpoints) -> None:
    assert pulumi.outputs()["gateway_domain"] == endpoints.gateway_domain
