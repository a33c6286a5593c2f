"""Access of clients to the simulated cluster."""

import json
import ssl
import subprocess
from pathlib import Path

import yaml

from simulation.aws import cluster_access


def test_the_stand_in_for_the_cli_returns_the_token_and_nothing_else(tmp_path: Path) -> None:
    access = cluster_access.create(tmp_path / "cluster")
    access.place_aws(tmp_path / "bin")
    program = str(tmp_path / "bin" / "aws")
    text = subprocess.run(
        [program, "eks", "get-token", "--cluster-name", "c"], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(text)["status"]["token"] == access.token
    assert access.token in access.tokens.read_text()
    refused = subprocess.run([program, "s3", "ls"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "simulated" in refused.stderr


def test_the_certificate_is_its_own_authority(tmp_path: Path) -> None:
    access = cluster_access.create(tmp_path)
    access.write_kubeconfig("https://127.0.0.1:6443")
    context = ssl.create_default_context(cafile=str(access.certificate))
    assert len(context.get_ca_certs()) == 1
    content = yaml.safe_load(access.kubeconfig.read_text())
    assert content["clusters"][0]["cluster"]["certificate-authority-data"] == access.authority()
    assert access.key.stat().st_mode & 0o777 == 0o600
