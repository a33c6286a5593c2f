import tomllib

import pytest

from cluster.instance import Instance
from cluster.programs import containerd, registry

pytestmark = pytest.mark.usefixtures("programs")


def test_every_upstream_name_is_pulled_from_the_instances_registry(instance: Instance) -> None:
    containerd.process(instance)
    mirror = tomllib.loads((instance.folder / "config/mirrors/_default/hosts.toml").read_text())
    assert mirror["server"] == f"http://{registry.INSIDE}"
    assert list(mirror["host"]) == [f"http://{registry.INSIDE}"]


def test_the_configuration_keeps_everything_inside_the_instance(instance: Instance) -> None:
    containerd.process(instance)
    config = tomllib.loads((instance.folder / "config/containerd.toml").read_text())
    assert config["version"] == 3
    assert config["root"] == str(instance.folder / "containerd")
    assert config["state"].startswith("/run/")
    plugins = config["plugins"]
    assert plugins["io.containerd.cri.v1.runtime"]["restrict_oom_score_adj"] is True
    assert plugins["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"] == containerd.pause_image()
    runc = plugins["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]["runc"]
    assert runc["runtime_path"] == "/built/containerd-shim-runc-v2"
    assert runc["options"] == {"BinaryName": "/built/runc", "SystemdCgroup": False}
