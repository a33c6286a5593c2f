"""A stack of this machine: where its state is, and which cluster it is for."""

import argparse
from pathlib import Path

import pytest
import yaml

from cluster.instance import Instance
from infra.installation import Installation
from infra.settings import stack_file
from tests.unit.infra import choices
from upstream.cache import cache_root

DEV = choices.of_stack("dev")


@pytest.fixture(autouse=True)
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stack files, and an empty cache."""
    monkeypatch.setattr(stack_file, "STACKS", tmp_path)
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def installation(folder: Path, **config: object) -> Installation:
    content = {"config": {f"plinth:{key}": value for key, value in config.items()}}
    (folder / "Pulumi.x.yaml").write_text(yaml.safe_dump(content))
    return Installation.from_options(argparse.Namespace(stack="x", name="mine"))


def test_the_state_of_this_machines_cluster_goes_with_it(stacks: Path) -> None:
    found = installation(stacks, cluster={"kind": "kubeconfig", "name": "local"})
    assert found.on_this_machine
    assert found.engine.folder == Instance("mine").folder / "pulumi"
    assert found.kubectl().kubeconfig == Instance("mine").kubeconfig


def test_another_cluster_is_reached_by_its_own_kubeconfig_and_context(stacks: Path) -> None:
    cluster = {"kind": "kubeconfig", "name": "theirs", "kubeconfig": "/their/config", "context": "main"}
    found = installation(stacks, cluster=cluster)
    assert not found.on_this_machine
    assert found.engine.folder == cache_root() / "stacks" / "x"
    assert (found.kubectl().kubeconfig, found.kubectl().context) == (Path("/their/config"), "main")


def test_the_cluster_that_a_stack_creates_is_the_engines_alone(stacks: Path) -> None:
    found = installation(stacks, **DEV)
    assert found.kubeconfig is None
    assert found.connect() is found.engine
    with pytest.raises(TypeError, match="stack x creates its cluster"):
        found.kubectl()
