"""What images consist of is written by syft, which reads the stored image and nothing else."""

import json
import stat
from pathlib import Path

import pytest

from images import ImagesError, sbom, store
from tests.unit.images.conftest import MakeImage

_READS = """#!/usr/bin/env python3
import json, os, sys
assert os.environ["SYFT_CHECK_FOR_APP_UPDATE"] == "false"
layout = sys.argv[2].removeprefix("oci-dir:")
(manifest,) = json.load(open(layout + "/index.json"))["manifests"]
blob = json.load(open(layout + "/blobs/" + manifest["digest"].replace(":", "/")))
given = dict(zip(sys.argv[3:], sys.argv[4:]))
component = {"name": given["--source-name"], "version": given["--source-version"]}
print(json.dumps({"metadata": {"component": component}, "components": blob["layers"]}))
"""


def _use(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "syft"
    path.write_text(program)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sbom, "binary", lambda _: path)


def test_the_stored_layers_are_read_under_the_images_name_and_key(
    stored: store.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(_READS, tmp_path, monkeypatch)
    assert sbom.write("app", tmp_path / "made") == len(stored.blobs) - 1
    written = json.loads((tmp_path / "made" / "app.cdx.json").read_text())
    assert written["metadata"]["component"] == {"name": "app", "version": stored.key}
    assert not list(store.folder().glob(".sbom-*"))


def test_an_image_that_cannot_be_read_is_one_line(
    stored: store.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use("#!/bin/sh\necho first >&2; echo no such layer >&2; exit 1\n", tmp_path, monkeypatch)
    with pytest.raises(ImagesError, match=r"^image app: syft: no such layer$"):
        sbom.write(stored.name, tmp_path / "made")
    assert not (tmp_path / "made" / "app.cdx.json").exists()


def test_an_image_that_is_not_built_is_named(
    make_image: MakeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(_READS, tmp_path, monkeypatch)
    make_image("other")
    with pytest.raises(ImagesError, match="python -m images build other"):
        sbom.write("other", tmp_path / "made")
