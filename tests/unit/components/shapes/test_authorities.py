import re
from typing import Any

import pulumi

from components.shapes import authorities
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy


def _deployed(certificates: str) -> Deployment[authorities.Authorities]:
    def program() -> authorities.Authorities:
        component = pulumi.ComponentResource("plinth:index:Client", "client")
        owner = Owner.of_product(component, "client", "here", product="client", role="server")
        return authorities.deploy(owner, certificates, role="authorities", name="client-authorities")

    return deploy(program)


def test_certificates_are_a_file_that_a_pod_mounts() -> None:
    deployment = _deployed("-----BEGIN CERTIFICATE-----\n")
    made: Any = deployment.one("ConfigMap").inputs
    assert re.fullmatch(r"client-authorities-[0-9a-f]{8}", made["metadata"]["name"])
    (mount,) = deployment.result.mounts
    (volume,) = deployment.result.volumes
    assert volume.get("name") == mount.volume
    (file,) = made["data"]
    assert f"{mount.path}/{file}" == authorities.PATH


def test_without_certificates_there_is_nothing() -> None:
    deployment = _deployed("")
    assert not deployment.of_type("ConfigMap")
    assert deployment.result == authorities.Authorities()
