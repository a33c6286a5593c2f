"""References: one rule names every image that a stack uses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import images, versions
from tests.fixtures import image_folders
from upstream import image_recipe

REGISTRY = "registry.example/team"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a folder with one image of ours and one of upstream in place of the committed ones."""
    monkeypatch.setattr(image_recipe, "FOLDER", tmp_path / "images")
    image_folders.write("ground")
    for name in ("mlflow-server", "versitygw"):
        image_folders.write(name, 'base = "ground"\n')
    yield tmp_path / "images"
    image_folders.forget()


def reference(name: str, registry: str = "") -> str:
    image_folders.forget()
    return images.reference(name, registry)


def test_where_upstreams_images_are_pulled_they_have_upstreams_plain_names() -> None:
    version = versions.upstream_version("versitygw", "github.com/versity/versitygw")
    assert images.reference("versitygw", REGISTRY) == f"ghcr.io/versity/versitygw:{version}"
    kfp = versions.python_version("kfp")
    agent = "kfp-persistence-agent"
    assert images.reference(agent, REGISTRY) == f"ghcr.io/kubeflow/{agent}:{kfp}"
    for name in ("kfp-api-server", "kfp-driver", "kfp-launcher", "argo-workflow-controller"):
        assert images.reference(name, REGISTRY).startswith(f"{REGISTRY}/plinth/{name}:")
    # Upstream tags it without the v of its module.
    assert re.fullmatch(r".*/cloudnative-pg:\d+\.\d+\.\d+", images.reference("cloudnative-pg", REGISTRY))


def test_where_they_are_built_upstreams_images_have_their_content_behind_the_version() -> None:
    for name in ("versitygw", "kfp-persistence-agent", "prometheus", "cloudnative-pg"):
        plain = images.reference(name, REGISTRY)
        assert images.reference(name) == f"{plain}-{image_recipe.key(name)[:12]}"


@pytest.mark.usefixtures("folder")
def test_our_images_are_in_the_stacks_registry_under_their_content() -> None:
    content = image_recipe.key("mlflow-server")[:12]
    expected = f"plinth/mlflow-server:{content}"
    assert images.reference("mlflow-server", f"{REGISTRY}/") == f"{REGISTRY}/{expected}"
    assert images.reference("mlflow-server") == expected


@pytest.mark.parametrize("change", ["Dockerfile", "new", "mode", "base"])
def test_a_change_of_content_is_another_reference_except_where_upstreams_is_pulled(
    change: str, folder: Path
) -> None:
    before = {name: reference(name) for name in ("mlflow-server", "versitygw")}
    ours, pulled = reference("mlflow-server", REGISTRY), reference("versitygw", REGISTRY)
    for name in before:
        match change:
            case "mode":
                (folder / name / "Dockerfile").chmod(0o755)
            case "base":
                image_folders.write("ground", dockerfile="FROM scratch\nENV A=1\n")
            case _:
                (folder / name / change).write_text("changed")
    for name, old in before.items():
        assert reference(name) != old
        assert reference(name).rpartition("-" if name == "versitygw" else ":")[0] in old
    assert reference("mlflow-server", REGISTRY) != ours
    assert reference("versitygw", REGISTRY) == pulled


def test_an_unknown_image_and_a_missing_folder_are_named(folder: Path) -> None:
    with pytest.raises(images.ImageError, match="no image 'none': expected images/none/Dockerfile"):
        images.reference("none")
    (folder / "mlflow-server" / "Dockerfile").unlink()
    with pytest.raises(images.ImageError, match="images/mlflow-server/Dockerfile"):
        reference("mlflow-server")


def test_postgres_has_its_major_version_where_the_operator_reads_it() -> None:
    assert images.reference("postgres").startswith("plinth/postgres:17-")


def test_an_image_that_only_clouds_run_is_pulled_from_upstream() -> None:
    assert images.published("karpenter", "1.2.3") == "public.ecr.aws/karpenter/controller:1.2.3"
    with pytest.raises(images.ImageError, match="no published image 'none': there are cluster-autoscaler"):
        images.published("none", "1")


@pytest.mark.parametrize(
    ("region", "account"), [("us-east-1", "602401143452"), ("eu-south-2", "455263428931")]
)
def test_images_of_eks_come_from_the_region_of_the_nodes(region: str, account: str) -> None:
    expected = f"{account}.dkr.ecr.{region}.amazonaws.com/eks/plugin:v1"
    assert images.of_eks("plugin", "v1", region) == expected


def test_a_registry_that_mirrors_upstream_has_its_images_under_its_versions() -> None:
    plain = images.reference("versitygw", REGISTRY)
    version = plain.rpartition(":")[2]
    assert images.reference("versitygw", REGISTRY, mirrored=True) == f"{REGISTRY}/plinth/versitygw:{version}"
    assert images.published("karpenter", "1.0", REGISTRY) == f"{REGISTRY}/plinth/karpenter:1.0"
    # Without a registry there is nothing to mirror to.
    assert images.reference("versitygw", mirrored=True) == images.reference("versitygw")


def test_repositories_are_for_our_images_and_for_copies_where_there_are_any() -> None:
    names = ("mlflow-server", "versitygw")
    assert images.repositories(names, mirrored=False) == ("mlflow-server",)
    assert images.repositories(names, mirrored=True) == (*names, "cluster-autoscaler", "karpenter")
