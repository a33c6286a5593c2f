import json
from pathlib import Path

import pytest

from images import ImagesError, store
from tests.unit.images.conftest import MakeImage
from tests.unit.images.layouts import write_layout
from upstream import go, image_recipe


def test_a_stored_image_is_found_until_its_folder_changes(
    stored: store.Record, make_image: MakeImage
) -> None:
    assert store.find("app") == stored
    assert stored.size == len(b"{}") + len(b"one") + len(b"two")
    make_image("app", dockerfile="FROM scratch\nENV A=1\n")
    assert store.find("app") is None
    with pytest.raises(ImagesError, match="python -m images build app"):
        store.require("app")


def test_another_go_release_is_another_build_only_where_go_compiled_a_program(
    stored: store.Record, make_image: MakeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_image("tool", 'programs = ["coredns"]\n')
    make_image("on-tool", 'base = "tool"\n')
    for name in ("tool", "on-tool"):
        write_layout(tmp_path / name, name.encode())
        store.adopt(name, image_recipe.key(name), tmp_path / name)
    keys = {name: image_recipe.key(name) for name in ("app", "tool", "on-tool")}
    monkeypatch.setattr(go, "go_version", lambda: "go9.9.9")
    assert store.find("app") == stored
    assert store.find("tool") is None
    assert store.find("on-tool") is None
    image_recipe.key.cache_clear()
    assert {name: image_recipe.key(name) for name in keys} == keys


def test_an_image_with_a_lost_blob_must_be_built_again(stored: store.Record) -> None:
    store.blob_path(stored.blobs[1].digest).unlink()
    assert store.find("app") is None


def test_a_newer_build_replaces_the_record_but_not_that_of_a_longer_name(
    stored: store.Record, make_image: MakeImage, tmp_path: Path
) -> None:
    make_image("app-two")
    write_layout(tmp_path / "second", b"other")
    store.adopt("app-two", image_recipe.key("app-two"), tmp_path / "second")
    make_image("app", dockerfile="FROM scratch\nENV A=1\n")
    write_layout(tmp_path / "third", b"two", b"three")
    store.adopt("app", image_recipe.key("app"), tmp_path / "third")
    assert sorted(record.name for record in store.records()) == ["app", "app-two"]
    freed = store.tidy()
    assert freed == len(b"one") + stored.manifest.size
    assert store.find("app")
    assert store.find("app-two")


def test_an_export_is_a_layout_of_hard_links(stored: store.Record, tmp_path: Path) -> None:
    store.export("app", tmp_path / "copy")
    index = json.loads((tmp_path / "copy" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == stored.manifest.digest
    for blob in (stored.manifest, *stored.blobs):
        copy = tmp_path / "copy" / "blobs" / blob.digest.replace(":", "/")
        assert copy.samefile(store.blob_path(blob.digest))


def test_the_identity_is_the_digest_of_the_configuration(stored: store.Record) -> None:
    assert f"sha256:{store.image_id('app')}" == stored.blobs[0].digest
