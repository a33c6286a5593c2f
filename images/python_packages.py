"""Installs locked Python packages into a folder with uv."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from images import ImagesError
from upstream import image_recipe
from upstream.cache import cache_root
from upstream.image_recipe import Groups, Image, Lock, SharedBy

# Where the Dockerfiles copy the packages to: on the path of Debian's Python.
INSTALLED = "/usr/local/lib/python3.11/dist-packages"
_REPOSITORY = Path(__file__).parents[1]
# Test suites and C headers in packages: a fifth of the size, and nothing here imports them.
_PRUNED = (
    "*/tests/data",
    "numpy/**/tests",
    "pandas/tests",
    "pyarrow/include",
    "pyarrow/tests",
    "scipy/**/tests",
    "sklearn/**/tests",
)


def requirements(image: Image) -> dict[str, str]:
    """Return the locked packages that an image adds to those of its base: name -> requirement with hashes.

    Raises:
        ImagesError: the base has another version of one of them, or a lock is missing or has no hashes.
    """
    inherited = _with_bases(image.base) if image.base else {}
    own = _declared(image)
    for name in inherited.keys() & own.keys():
        if inherited[name] != own[name]:
            raise ImagesError(f"images/{image.name}: {name} differs from the one in its base {image.base}")
    return {name: line for name, line in own.items() if name not in inherited}


def _with_bases(name: str) -> dict[str, str]:
    image = image_recipe.load(name)
    inherited = _with_bases(image.base) if image.base else {}
    return inherited | requirements(image)


def _declared(image: Image) -> dict[str, str]:
    match image.python:
        case Groups(names=names):
            return {name: line for group in names for name, line in _exported(group).items()}
        case SharedBy(names=names):
            first, *others = (_exported(group) for group in names)
            return {
                name: line for name, line in first.items() if all(line == other.get(name) for other in others)
            }
        case Lock(file=file):
            return _locked(image.folder / file)
        case None:
            return {}


def _locked(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise ImagesError(f"{path} is missing: make it with `uv pip compile --generate-hashes`")
    lines = parse(path.read_text())
    if unhashed := [name for name, line in lines.items() if "--hash=" not in line]:
        raise ImagesError(f"{path}: no hash for {', '.join(unhashed)}")
    return lines


def uv() -> Path:
    """Return the path of uv: the one that `make setup` installed, or else the one on PATH.

    Raises:
        ImagesError: uv is not installed.
    """
    tools = cache_root() / "tools"
    for candidate in (tools / "bin" / "uv", tools / "uv"):
        if candidate.is_file():
            return candidate
    found = shutil.which("uv")
    if found is None:
        raise ImagesError("uv is not installed: run `make setup`")
    return Path(found)


def parse(text: str) -> dict[str, str]:
    """Return package name -> requirement (with its continued lines) of a requirements file."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    lines = [line.split(" #")[0].strip() for line in joined.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {re.split(r"[\s=;<>\[]", line, maxsplit=1)[0].lower().replace("_", "-"): line for line in lines}


@cache
def _exported(group: str) -> dict[str, str]:
    command = [str(uv()), "export", "--frozen", "--quiet", "--no-header", "--no-annotate"]
    command += ["--no-emit-project", "--only-group", group]
    done = subprocess.run(
        command, cwd=_REPOSITORY, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ImagesError(f"uv.lock: group {group!r} cannot be exported: {_last_line(done.stderr)}")
    return parse(done.stdout)


def environment() -> dict[str, str]:
    """Return the environment of a uv command, with plinth's package cache unless another one is set."""
    env = dict(os.environ)
    env.setdefault("UV_CACHE_DIR", str(cache_root() / "uv"))
    env.pop("VIRTUAL_ENV", None)
    return env


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]


def install(requirements: dict[str, str], packages: Path, scripts: Path) -> None:
    """Install exactly these packages with byte code into `packages`, and their commands into `scripts`.

    Raises:
        ImagesError: uv fails; the text contains the last lines of its output.
    """
    packages.mkdir(parents=True, exist_ok=True)
    scripts.mkdir(parents=True, exist_ok=True)
    lock = packages.with_name("requirements.txt")
    lock.write_text("\n".join(sorted(requirements.values())) + "\n")
    command = [str(uv()), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--python", sys.executable, "--target", str(packages), "--requirements", str(lock)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    lock.unlink()
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise ImagesError(f"uv pip install failed (exit {done.returncode}):\n{tail}")
    for pattern in _PRUNED:
        for path in list(packages.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True)
    for script in sorted(path for path in (packages / "bin").glob("*") if path.is_file()):
        (scripts / script.name).write_bytes(_portable(script.read_bytes()))
        (scripts / script.name).chmod(0o755)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (packages / ".lock").unlink(missing_ok=True)
    _compile(packages)


def _compile(packages: Path) -> None:
    # Layers have one fixed timestamp, so byte code must not be checked against its source's time. It names
    # the path in the image, not the one where it was compiled. Templates that are not Python may fail.
    command = [sys.executable, "-m", "compileall", "-qq", "-j", "2", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(packages), "-p", INSTALLED, str(packages)]
    # Set constants are written in hash order, which a fixed seed makes reproducible.
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, check=False)


def _portable(script: bytes) -> bytes:
    # uv writes the path of its own interpreter, or a shell trampoline if it is long; the image has Debian's.
    interpreter = b"#!/usr/bin/python3\n"
    script = re.sub(rb"\A#!/bin/sh\n'''exec' [^\n]*\n' '''\n", interpreter, script)
    return re.sub(rb"\A#![^\n]*python[^\n]*\n", interpreter, script)
