import json
from pathlib import Path
from typing import Any

import pytest

from cluster.instance import Addresses, Instance
from cluster.programs import certificates


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, instance: Instance, programs: None) -> list[list[str]]:
    ran: list[list[str]] = []

    def run(argv: list[Any]) -> str:
        ran.append([str(part) for part in argv])
        instance.pki.mkdir(parents=True, exist_ok=True)
        (instance.pki / "super-admin.conf").write_text("admin")
        return "kubeconfig"

    monkeypatch.setattr(certificates, "run", run)
    return ran


def test_kubeadms_phases_make_them_once(
    commands: list[list[str]], instance: Instance, addresses: Addresses
) -> None:
    certificates.create(instance, addresses)
    assert [argv[1:5] for argv in commands[:2]] == [
        ["init", "phase", "certs", "all"],
        ["init", "phase", "kubeconfig", "all"],
    ]
    count = len(commands)
    certificates.create(instance, addresses)
    assert len(commands) == count


@pytest.mark.usefixtures("commands")
def test_the_administrator_gets_the_configuration_that_has_rights(
    instance: Instance, addresses: Addresses
) -> None:
    certificates.create(instance, addresses)
    assert instance.kubeconfig.read_text() == "admin"
    assert instance.kubeconfig.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("commands")
def test_the_api_certificate_is_valid_on_loopback_and_link(instance: Instance, addresses: Addresses) -> None:
    certificates.create(instance, addresses)
    text = Path(instance.folder / "config/kubeadm.yaml").read_text()
    cluster = json.loads(text.split("\n---\n")[1])
    assert {"127.0.0.1", addresses.node_ip} <= set(cluster["apiServer"]["certSANs"])


def test_a_grant_binds_a_role_to_the_user_of_its_name() -> None:
    role, binding = certificates.grant("storage", [{"verbs": ["get"]}])
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"][0]["name"] == "plinth:storage"
