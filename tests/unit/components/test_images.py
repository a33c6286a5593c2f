from pathlib import Path

import pytest

from components import images, versions


def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository of two images, the second on top of the first."""
    for name, declared in {"mlflow": 'base = "ground"', "ground": ""}.items():
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\n")
        (folder / "image.toml").write_text(declared)
    monkeypatch.setattr(versions, "REPOSITORY", tmp_path)
    return tmp_path / "images"


def tag(name: str) -> str:
    images._content_tag.cache_clear()
    return images._content_tag(name)


@pytest.fixture(autouse=True)
def own_image(monkeypatch: pytest.MonkeyPatch) -> None:
    table = images._IMAGES
    monkeypatch.setitem(table, "mlflow", images._Own(prefix="9-"))


def test_an_upstream_image_keeps_its_name_and_the_pinned_version() -> None:
    version = versions.upstream_version("versitygw", "github.com/versity/versitygw")
    assert images.reference("versitygw", "registry.example") == f"ghcr.io/versity/versitygw:{version}"
    assert images.reference("kfp-driver").endswith(f"/kfp-driver:{versions.python_version('kfp')}")


def test_an_own_image_lies_in_the_stacks_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch)
    assert images.reference("mlflow", "registry.example/team/").startswith(
        "registry.example/team/plinth/mlflow:9-"
    )
    assert images.reference("mlflow").startswith("plinth/mlflow:9-")


@pytest.mark.parametrize("file", ["mlflow/Dockerfile", "mlflow/new/file", "ground/Dockerfile"])
def test_the_tag_changes_with_any_file_of_the_image_or_its_base(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository(tmp_path, monkeypatch)
    first = tag("mlflow")
    assert tag("mlflow") == first
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("changed")
    assert tag("mlflow") != first


def test_the_tag_changes_with_a_locked_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = repository(tmp_path, monkeypatch)
    (folder / "mlflow" / "image.toml").write_text('[python]\ngroups = ["workloads"]')
    locked = {"kfp": "1"}
    monkeypatch.setattr(versions, "locked_group", lambda _group: locked)  # pyright: ignore[reportUnknownArgumentType]
    first = tag("mlflow")
    locked["kfp"] = "2"
    assert tag("mlflow") != first


def test_an_unknown_image_and_a_missing_folder_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(images.ImageError, match="no image 'none': there are alertmanager, argo-executor"):
        images.reference("none")
    monkeypatch.setattr(versions, "REPOSITORY", tmp_path)
    images._content_tag.cache_clear()
    with pytest.raises(images.ImageError, match="images/mlflow/Dockerfile is missing"):
        images.reference("mlflow")


def test_postgres_carries_its_major_version_where_the_operator_reads_it() -> None:
    table = images._IMAGES["postgres"]
    assert isinstance(table, images._Own)
    assert table.prefix[:-1].isdigit()
