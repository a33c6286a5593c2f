"""A version is written in one place: `upstream/*/go.mod` or `uv.lock`."""

import re
import subprocess
from pathlib import Path

import pytest

from components import images, versions
from images import python_packages
from infra.parts import IMAGES
from tests.contract import repository
from upstream import image_recipe, python_lock, recipe

# Programs, configuration and images; documents may name a version, tests invent some.
_READ = {"cluster", "components", "images", "infra", "stacks", "workloads"}
_SUFFIXES = {".py", ".yaml", ".toml", ".json", ""}
_LOCKED = (
    "kfp",
    "kfp-kubernetes",
    "mlflow",
    "pulumi",
    "pulumi-kubernetes",
    "kubernetes",
    "boto3",
    "scikit-learn",
)
_IMAGE = re.compile(r"\b[a-z0-9.-]+(?:/[a-z0-9._-]+)+:v?\d+\.\d+[\w.-]*")


def _sources() -> list[Path]:
    return [
        file
        for file in repository.files()
        if file.parts[0] in _READ and file.suffix in _SUFFIXES
        # An image's own lock is a pin, and a compiled pipeline names the SDK that compiled it.
        if file.name not in {"requirements.txt", "uv.lock", "pyproject.toml"} and "golden" not in file.parts
        if file.parts[:2] != ("workloads", "pipelines") or file.suffix == ".py"
    ]


def _pinned() -> dict[str, str]:
    """Return version -> where it is pinned, of what this repository deploys."""
    found = {versions.python_version(name): f"uv.lock ({name})" for name in _LOCKED}
    for project in recipe.all_projects():
        packages = {program.package for program in project.programs} | set(project.manifest_modules)
        for module, version in project.versions.items():
            if any(package == module or package.startswith(f"{module}/") for package in packages):
                found[version.removeprefix("v")] = f"upstream/{project.name}/go.mod"
    return {version: where for version, where in found.items() if not version.startswith("0.0.0-")}


def test_no_version_is_repeated() -> None:
    pinned = _pinned()
    assert len(pinned) > 12, pinned
    # EKS numbers its builds of an add-on after the version, so an add-on's is another one.
    pattern = re.compile(r"(?<![\d.])v?(" + "|".join(map(re.escape, pinned)) + r")(?![\d.]*\d|-eksbuild)")
    for file in _sources():
        for number, line in enumerate(repository.text(file).splitlines(), 1):
            found = pattern.search(line)
            assert not found, f"{file}:{number} repeats {found.group(0)}, pinned in {pinned[found.group(1)]}"


def test_no_image_tag_is_written_out() -> None:
    for file in _sources():
        for number, line in enumerate(repository.text(file).splitlines(), 1):
            found = _IMAGE.search(line)
            assert not found, (
                f"{file}:{number}: {found.group(0)}: get the reference from components/images.py"
            )


@pytest.mark.parametrize("name", IMAGES)
def test_every_image_has_a_tag_and_a_folder(name: str) -> None:
    reference = images.reference(name)
    assert re.fullmatch(r"[a-z0-9./-]+:[\w][\w.-]*", reference), reference
    assert (repository.ROOT / "images" / name / "Dockerfile").is_file()


def test_the_python_of_every_part_is_one() -> None:
    locked = {name: python_lock.group(name) for name in ("workloads", "mlflow-server", "dev")}
    for group in ("workloads", "mlflow-server"):
        assert locked[group].items() <= locked["dev"].items(), f"{group} is tested with other versions"


@pytest.mark.parametrize("group", ["workloads", "mlflow-server"])
def test_uv_installs_nothing_that_an_images_key_does_not_cover(group: str) -> None:
    locked = python_lock.group(group)
    command = [str(python_packages.uv()), "export", "--frozen", "--quiet", "--no-header", "--no-annotate"]
    command += ["--no-hashes", "--no-emit-project", "--only-group", group]
    done = subprocess.run(command, cwd=repository.ROOT, capture_output=True, text=True, check=True)
    installed = python_packages.parse(done.stdout)
    assert len(installed) > 30
    for name, line in installed.items():
        assert line.split()[0].partition("==")[2] == locked[name]["version"], line


@pytest.mark.parametrize("name", IMAGES)
def test_a_tag_on_this_machine_ends_with_the_key_of_the_image_and_upstreams_with_a_registry_does_not(
    name: str,
) -> None:
    built, pulled = images.reference(name), images.reference(name, "registry.example/team")
    content = image_recipe.key(name)[:12]
    assert built.endswith(content)
    assert pulled.endswith(content) == images.is_own(name)
    assert pulled.startswith("registry.example/team/plinth/") == images.is_own(name)


def test_every_upstream_project_is_pinned_by_content() -> None:
    projects = recipe.all_projects()
    assert projects
    for project in projects:
        assert (project.folder / "go.sum").is_file(), f"upstream/{project.name}/go.sum is missing"
