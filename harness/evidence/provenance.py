"""Provenance of a night: commit, machine, pinned versions, digests of images."""

import os
import platform
import subprocess
from pathlib import Path

from cluster.addons import addons
from components import images, versions
from images import store
from infra.parts import IMAGES
from infra.settings import stack_file
from upstream import recipe

_DISTRIBUTIONS = ("pulumi", "pulumi-kubernetes", "kfp", "mlflow", "scikit-learn", "locust")
_KIB_PER_GIB = 1024**2


def commit() -> str:
    """Return the commit of the checkout, with a plus if it has changes; empty outside a repository."""
    command = ["git", "-C", str(versions.REPOSITORY), "describe", "--always", "--abbrev=10", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip()


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.replace("=", ":", 1).partition(":")
        if key.strip() == name:
            return value.strip().strip('"')
    return "unknown"


def machine() -> dict[str, str]:
    """Return the properties of this machine that affect its figures."""
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / _KIB_PER_GIB
    return {
        "processor": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}",
        "python": platform.python_version(),
    }


def _main_module(project: recipe.Project) -> str | None:
    """Return a project's main module: that of its first program, or of the same name, or the first one."""
    for package in (*(program.package for program in project.programs), *project.manifest_modules):
        found = [each for each in project.versions if package == each or package.startswith(f"{each}/")]
        if found:
            return max(found, key=len)
    named = (each for each in project.versions if project.name in each.split("/"))
    # Direct requirements precede indirect ones.
    return next(named, next(iter(project.versions), None))


def pinned_versions() -> dict[str, str]:
    """Return the version of every upstream project and of the main Python packages."""
    found: dict[str, str] = {}
    for project in recipe.all_projects():
        module = _main_module(project)
        if module is not None:
            found[project.name] = project.versions[module].removeprefix("v")
    for name in _DISTRIBUTIONS:
        found.setdefault(f"{name} (Python)", versions.python_version(name))
    return dict(sorted(found.items()))


def registry(stack: str) -> str:
    """Return the registry of a stack's own images."""
    return stack_file.settings(stack).registry


def image_digests(own_registry: str) -> tuple[dict[str, str], ...]:
    """Return reference and manifest digest of every image; the digest is empty if it is not built."""
    references = {name: images.reference(name, own_registry) for name in IMAGES}
    rows: list[dict[str, str]] = []
    for name, reference in sorted((addons.images() | references).items()):
        record = store.find(name)
        digest = record.manifest.digest if record else ""
        rows.append({"name": name, "reference": reference, "digest": digest})
    return tuple(rows)
