import json
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.programs import registry


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("registry.k8s.io/pause:3.10", ("pause", "3.10")),
        ("plinth/volume-helper:1", ("plinth/volume-helper", "1")),
        ("localhost:5000/a/b:2", ("a/b", "2")),
        ("busybox:1", ("library/busybox", "1")),
    ],
)
def test_a_reference_maps_to_a_repository_without_its_host(reference: str, expected: tuple[str, str]) -> None:
    assert registry.repository(reference) == expected


def _publish(name: str, tag: str) -> None:
    folder = (
        registry.storage() / "docker/registry/v2/repositories" / name / "_manifests/tags" / tag / "current"
    )
    folder.mkdir(parents=True)
    (folder / "link").write_text("sha256:0")


@pytest.mark.usefixtures("instance")
def test_missing_images_are_named_with_the_command_that_makes_them() -> None:
    _publish("pause", "3.10")
    images = {"pause": "registry.k8s.io/pause:3.10", "coredns": "registry.k8s.io/coredns/coredns:v1"}
    with pytest.raises(ClusterError) as caught:
        registry.require(images)
    assert "python -m images publish coredns=registry.k8s.io/coredns/coredns:v1" in str(caught.value)
    assert "pause" not in str(caught.value)


@pytest.mark.usefixtures("programs")
def test_whoever_reaches_its_port_cannot_replace_an_image(instance: Instance) -> None:
    config = json.loads(Path(registry.process(instance).argv[-1]).read_text())
    assert config["storage"]["maintenance"] == {"readonly": {"enabled": True}}
    assert "delete" not in config["storage"]


@pytest.mark.usefixtures("programs")
def test_the_storage_is_shared_by_all_instances(instance: Instance) -> None:
    argv = registry.process(instance).argv
    assert str(registry.storage()) in Path(argv[-1]).read_text()
    assert not registry.storage().is_relative_to(instance.folder)
