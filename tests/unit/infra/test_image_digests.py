"""Digests come from the registry that nodes pull from: this machine's folder, or that of the reference."""

from pathlib import Path

import pytest

from images import ImagesError, mirror, registry, store
from infra import commands, image_digests
from infra.errors import InfraError
from tests.fixtures import image_folders
from tests.unit.images.layouts import write_layout
from upstream import image_recipe
from upstream.cache import cache_root


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The digest of an image that this machine's registry has as plinth/app:1."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(image_recipe, "FOLDER", tmp_path / "images")
        image_folders.write("app")
        digest = write_layout(tmp_path / "layout", b"one")
        record = store.adopt("app", image_recipe.key("app"), tmp_path / "layout")
        registry.publish(record, registry.parse("plinth/app:1"))
    image_folders.forget()
    return digest


def test_of_this_machines_cluster_the_registry_is_read(published: str) -> None:
    assert image_digests.digest("plinth/app:1", on_this_machine=True) == published
    assert image_digests.digest("plinth/app:2", on_this_machine=True) == "missing"


def test_another_registry_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"r.io/app:1": "sha256:abc"}
    monkeypatch.setattr(mirror, "digest", found.get)
    assert image_digests.digest("r.io/app:1", on_this_machine=False) == "sha256:abc"
    assert image_digests.digest("r.io/app:2", on_this_machine=False) == "missing"


def test_a_registry_that_does_not_answer_is_an_error_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise ImagesError("r.io: no such host")

    monkeypatch.setattr(mirror, "digest", refuse)
    with pytest.raises(InfraError, match="no such host"):
        image_digests.digest("r.io/app:1", on_this_machine=False)


def test_the_command_adds_digests_to_the_same_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    assert commands.main(["images"]) == 0
    plain = capsys.readouterr().out.splitlines()
    tags = cache_root() / "registry/docker/registry/v2/repositories"
    name, _, tag = next(line.partition("=")[2] for line in plain if line.startswith("workload=")).partition(
        ":"
    )
    link = tags / name / "_manifests/tags" / tag / "current/link"
    link.parent.mkdir(parents=True)
    link.write_text("sha256:abc")
    assert commands.main(["images", "--digests"]) == 0
    lines = [line.split(" ") for line in capsys.readouterr().out.splitlines()]
    assert [pair for pair, _ in lines] == plain
    assert {digest for pair, digest in lines if pair.startswith("workload=")} == {"sha256:abc"}
    assert {digest for pair, digest in lines if not pair.startswith("workload=")} == {"missing"}
