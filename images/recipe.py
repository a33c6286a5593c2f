"""What a folder of `images/` declares: its base, programs, packages and files; and its content key."""

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from images import ImagesError, python_packages
from upstream import build, modules

FOLDER = Path(__file__).parent
# Part of every key: raise it when the framework changes what a build produces.
_FORMAT = "1"
_KEYS = {"base", "programs", "seconds", "debian", "python", "modules"}


@dataclass(frozen=True, kw_only=True)
class Debian:
    """A Debian root file system, made by mmdebstrap as `rootfs.tar`."""

    suite: str
    variant: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Image:
    """One folder of `images/`: a Dockerfile and what its build context holds."""

    name: str
    folder: Path
    base: str | None = None
    programs: tuple[str, ...] = ()
    """Upstream programs, put into `programs/`."""
    debian: Debian | None = None
    python: python_packages.Source | None = None
    """Packages put into `site-packages/`, their commands into `scripts/`."""
    modules: tuple[tuple[str, str, str], ...] = ()
    """(target in the context, upstream project, path of a module and inside it)."""
    seconds: float = 5.0
    files: tuple[Path, ...] = field(default=())

    def requirements(self) -> dict[str, str]:
        """Return the locked packages this image adds to those of its base.

        Raises:
            ImagesError: the base holds another version of one of them.
        """
        if self.python is None:
            return {}
        inherited = load(self.base).all_requirements() if self.base else {}
        mine = self.python.requirements(self.folder)
        for name in inherited.keys() & mine.keys():
            if inherited[name] != mine[name]:
                raise ImagesError(f"images/{self.name}: {name} differs from the one in its base {self.base}")
        return {name: line for name, line in mine.items() if name not in inherited}

    def all_requirements(self) -> dict[str, str]:
        """Return the locked packages of this image and its bases."""
        inherited = load(self.base).all_requirements() if self.base else {}
        return inherited | self.requirements()

    def module_path(self, project: str, path: str) -> Path:
        """Return a file or folder of a pinned module: `path` is the module's name, then a path in it."""
        versions = build.recipe.load(project).versions
        module = max((name for name in versions if path.startswith(f"{name}/")), key=len, default=None)
        if module is None:
            where = f"images/{self.name}/image.toml"
            raise ImagesError(f"{where}: {path} is in no module of upstream/{project}/go.mod")
        return modules.module_dir(project, module) / path[len(module) + 1 :]


def _strings(value: Any, where: str) -> tuple[str, ...]:
    items: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ImagesError(f"{where}: expected a list of texts, got {value!r}")
    return tuple(items)


def _debian(table: dict[str, Any], where: str) -> Debian:
    needed = {"suite", "variant", "packages"}
    if not needed <= table.keys() <= needed | {"hooks"}:
        raise ImagesError(f"{where}: [debian] needs {sorted(needed)}, may have hooks; got {sorted(table)}")
    return Debian(
        suite=table["suite"],
        variant=table["variant"],
        packages=_strings(table["packages"], where),
        hooks=_strings(table.get("hooks", []), where),
    )


def _python(table: dict[str, Any], where: str) -> python_packages.Source:
    kinds = {
        "groups": lambda value: python_packages.Groups(names=_strings(value, where)),
        "shared-by": lambda value: python_packages.SharedBy(names=_strings(value, where)),
        "requirements": lambda value: python_packages.Lock(file=str(value)),
    }
    if len(table) != 1 or not table.keys() <= kinds.keys():
        raise ImagesError(f"{where}: [python] needs exactly one of {', '.join(kinds)}; got {sorted(table)}")
    ((kind, value),) = table.items()
    return kinds[kind](value)


def _modules(table: dict[str, str], where: str) -> tuple[tuple[str, str, str], ...]:
    entries: list[tuple[str, str, str]] = []
    for target, source in table.items():
        project, separator, path = source.partition(":")
        if not separator:
            raise ImagesError(f"{where}: [modules] {target} = {source!r}: expected PROJECT:MODULE/PATH")
        entries.append((target, project, path))
    return tuple(entries)


def _counts(path: Path) -> bool:
    """Tell whether a file changes what a build produces."""
    if "__pycache__" in path.parts or path.suffix in {".md", ".pyc", ".in"}:
        return False
    return path.is_file() or path.is_symlink()


@cache
def load(name: str) -> Image:
    """Read one image's folder.

    Raises:
        ImagesError: no such folder, or a malformed image.toml.
    """
    folder = FOLDER / name
    where = f"images/{name}/image.toml"
    if not (folder / "Dockerfile").is_file():
        raise ImagesError(
            f"no image {name!r}: expected images/{name}/Dockerfile; try `python -m images list`"
        )
    try:
        text = (folder / "image.toml").read_text() if (folder / "image.toml").is_file() else ""
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImagesError(f"{where}: {error}") from error
    if unknown := table.keys() - _KEYS:
        raise ImagesError(f"{where}: unknown keys {sorted(unknown)}; allowed are {sorted(_KEYS)}")
    return Image(
        name=name,
        folder=folder,
        base=table.get("base"),
        programs=_strings(table.get("programs", []), where),
        debian=_debian(table["debian"], where) if "debian" in table else None,
        python=_python(table["python"], where) if "python" in table else None,
        modules=_modules(table.get("modules", {}), where),
        seconds=float(table.get("seconds", 5)),
        files=tuple(sorted(path for path in folder.rglob("*") if _counts(path))),
    )


def all_images() -> list[Image]:
    """Return every image, by name."""
    return [load(path.parent.name) for path in sorted(FOLDER.glob("*/Dockerfile"))]


def without_programs() -> list[str]:
    """Return the names of the images that hold nothing of an upstream project, bases included."""
    return [
        image.name
        for image in all_images()
        if not any(each.programs or each.modules for each in with_bases([image.name]))
    ]


def with_bases(names: list[str]) -> list[Image]:
    """Return the named images and their bases, each after its base.

    Raises:
        ImagesError: bases form a circle, or one is missing.
    """
    ordered: dict[str, Image] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ImagesError(f"bases form a circle: {' -> '.join((*path, name))}")
        if name in ordered:
            return
        image = load(name)
        if image.base:
            visit(image.base, (*path, name))
        ordered[name] = image

    for name in names:
        visit(name, ())
    return list(ordered.values())


@cache
def key(name: str, program_key: Callable[[str], str] = build.binary_key) -> str:
    """Return the content key: equal keys mean equal Dockerfile, context, packages, programs and base."""
    image = load(name)
    digest = hashlib.sha256(f"{_FORMAT}\n".encode())

    def add(*parts: str | bytes) -> None:
        for part in parts:
            digest.update((part.encode() if isinstance(part, str) else part) + b"\0")

    for path in image.files:
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes()
        executable = "x" if path.lstat().st_mode & 0o100 else "-"
        add(str(path.relative_to(image.folder)), executable, content)
    if image.base:
        add("base", key(image.base, program_key))
    for program in image.programs:
        add(program, program_key(program))
    for requirement in sorted(image.requirements().values()):
        add(requirement)
    for target, project, path in image.modules:
        add(target, path, (build.recipe.load(project).folder / "go.sum").read_bytes())
    return digest.hexdigest()[:16]
