"""What ran: versions and digests come from the pins and the store, never from memory."""

import pytest

from cluster.addons import addons
from components import images, versions
from harness.evidence import provenance
from images import store
from images.store import Blob, Record
from infra.parts import IMAGES
from upstream import recipe as upstream_recipe


def test_every_upstream_project_and_the_main_python_packages_are_listed() -> None:
    found = provenance.pinned_versions()
    assert found["kserve"] == versions.upstream_version("kserve", "github.com/kserve/kserve").removeprefix(
        "v"
    )
    assert found["mlflow (Python)"] == versions.python_version("mlflow")
    missing = {project.name for project in upstream_recipe.all_projects()} - set(found)
    assert not missing


def test_digests_are_those_of_the_stored_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Blob(digest="sha256:" + "ab" * 32, size=2, media_type="x")
    stored = {"traefik": Record(name="traefik", key="k", manifest=manifest, blobs=())}
    monkeypatch.setattr(store, "find", stored.get)
    rows = {row["name"]: row for row in provenance.image_digests("registry.example")}
    assert set(rows) == {*IMAGES, *addons.images()}
    assert rows["traefik"]["digest"] == manifest.digest
    assert rows["traefik"]["reference"] == images.reference("traefik", "registry.example")
    assert rows["mlmd"]["digest"] == ""
    assert rows["mlmd"]["reference"].startswith("registry.example/plinth/mlmd:")


def test_the_machine_is_named_by_what_figures_depend_on() -> None:
    found = provenance.machine()
    assert "cores" in found["processor"]
    assert found["memory"].endswith("GiB")
    assert "Linux" in found["system"]
