import json

import pytest

from cluster.addons import storage
from cluster.instance import Instance


@pytest.mark.usefixtures("programs")
def test_volumes_are_in_the_instances_folder(instance: Instance) -> None:
    storage.process(instance, "10.0.0.2:6443")
    config = json.loads((instance.folder / "config/storage/config.json").read_text())
    assert config["nodePathMap"][0]["paths"] == [str(instance.folder / "volumes")]


@pytest.mark.usefixtures("programs")
def test_the_class_names_the_provisioner_that_runs(instance: Instance) -> None:
    argv = storage.process(instance, "10.0.0.2:6443").argv
    storage_class = next(item for item in storage.manifests() if item["kind"] == "StorageClass")
    assert f"--provisioner-name={storage_class['provisioner']}" in argv
    assert storage_class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


def test_the_scripts_are_where_the_provisioner_looks() -> None:
    scripts = next(item for item in storage.manifests() if item["kind"] == "ConfigMap")
    assert scripts["metadata"] == {
        **scripts["metadata"],
        "name": "local-path-config",
        "namespace": storage.NAMESPACE,
    }
    assert set(scripts["data"]) == {"setup", "teardown"}
