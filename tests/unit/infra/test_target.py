"""Where a stack is deployed to: a provider that replaces nothing by itself, and no cloud unless asked for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import target
from infra.errors import SettingsError
from infra.settings import reader
from tests.fixtures import platform
from tests.fixtures.recorder import Registration, deploy
from tests.unit.infra import choices


def provider(values: dict[str, Any]) -> Registration:
    chosen = reader.parse(values)
    connected = deploy(lambda: target.connect(chosen).cluster.name, answers=platform.NO_GROUPS)
    return connected.one("pulumi:providers:kubernetes")


def test_the_provider_is_pinned_to_the_cluster_not_to_its_kubeconfig() -> None:
    inputs = provider({"cluster": {"kind": "kubeconfig", "name": "local"}}).inputs
    assert inputs["clusterIdentifier"] == "local"
    assert "kubeconfig" not in inputs
    for key in ("enableServerSideApply", "enableConfigMapMutable", "enableSecretMutable"):
        assert inputs[key] in (True, "true"), key


def test_a_kubeconfig_of_the_stack_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\n")
    cluster = {"kind": "kubeconfig", "name": "mine", "kubeconfig": str(path), "context": "other"}
    inputs = provider({"cluster": cluster}).inputs
    assert inputs["kubeconfig"]["value"] == "apiVersion: v1\n"
    assert inputs["context"] == "other"


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none"
    cluster = {"kind": "kubeconfig", "name": "mine", "kubeconfig": str(path)}
    with pytest.raises(SettingsError, match=rf"^plinth:cluster.kubeconfig: {path}: No such file"):
        provider({"cluster": cluster})


def test_the_default_kubeconfig_counts_only_for_a_stack_that_names_none(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("of the stack")
    named = {"cluster": {"kind": "kubeconfig", "name": "mine", "kubeconfig": str(path)}}
    unnamed = {"cluster": {"kind": "kubeconfig", "name": "local"}}
    for values, expected in ((named, "of the stack"), (unnamed, "of the machine")):
        chosen = reader.parse(values)
        deployment = deploy(
            lambda chosen=chosen: target.connect(chosen, lambda: "of the machine").cluster.name
        )
        found = deployment.one("pulumi:providers:kubernetes")
        assert found.inputs["kubeconfig"]["value"] == expected
        assert "kubeconfig" in found.secret_inputs


def test_a_cluster_of_the_stack_is_reached_by_its_own_kubeconfig() -> None:
    found = provider(choices.of_stack("dev"))
    assert found.inputs["clusterIdentifier"] == "plinth-dev"
    assert "https://eks-control-plane.eks.amazonaws.com" in str(found.inputs["kubeconfig"])
    assert "kubeconfig" in found.secret_inputs


def test_the_sdk_of_aws_is_imported_by_stacks_on_aws_alone() -> None:
    program = """
import sys
from infra import assembly, settings, target
assert "pulumi_aws" not in sys.modules, "imported for every stack"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
