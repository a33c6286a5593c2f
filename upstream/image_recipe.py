"""What a folder of `images/` declares, and the content key that caches, tags and running platforms compare.

Pure: it reads the repository alone, so that a reference needs neither the network nor a build.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from upstream import python_lock, recipe
from upstream.cache import UpstreamError

_REPOSITORY = Path(__file__).parents[1]
FOLDER = _REPOSITORY / "images"
# Part of every key: raise it when the framework changes what a build produces.
_FORMAT = "1"
_KEYS = {"base", "programs", "seconds", "on-demand", "debian", "python", "modules", "sources"}
_TAG_DIGITS = 12
# Beside the Dockerfile, and so part of the key.
DEBIAN_LOCK = "packages.lock"


class ImageRecipeError(UpstreamError):
    """A folder of `images/` is missing or malformed; the text names the file and the fix."""


@dataclass(frozen=True, kw_only=True)
class Debian:
    """Debian packages, locked in the image's folder.

    Without a base they are a root file system, made by mmdebstrap as `rootfs.tar`; with one they are files in
    `debs/`, for the Dockerfile to install.
    """

    packages: tuple[str, ...]
    """They come with what they need."""
    suite: str = ""
    """Empty with a base, which has one."""
    variant: str = ""
    """What mmdebstrap installs besides; empty with a base."""
    alone: tuple[str, ...] = ()
    """These come without what they need."""
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Python packages that any of several dependency groups of uv.lock needs."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SharedBy:
    """Python packages that several dependency groups of uv.lock share: one layer for all their images."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Python packages of a lock in the image's own folder: they do not resolve with the others."""

    file: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """One folder of `images/`: a Dockerfile and the content of its build context."""

    name: str
    folder: Path
    base: str | None = None
    programs: tuple[str, ...] = ()
    """Upstream programs, put into `programs/`."""
    debian: Debian | None = None
    python: Groups | SharedBy | Lock | None = None
    """Packages put into `site-packages/`, their commands into `scripts/`."""
    modules: tuple[tuple[str, str, str], ...] = ()
    """(target in the context, upstream project, path of a module and inside it)."""
    seconds: float = 5.0
    on_demand: bool = False
    """Whether it is built only when a stack wants it, not before that is known."""
    files: tuple[Path, ...] = field(default=())
    """Files of the folder that are copied into the context."""
    sources: tuple[Path, ...] = ()
    """Files of this repository that are copied into it, under their paths."""

    @property
    def context(self) -> dict[str, Path]:
        """Path in the context -> file that is copied there."""
        own = {path.relative_to(self.folder).as_posix(): path for path in self.files}
        return own | {path.relative_to(_REPOSITORY).as_posix(): path for path in self.sources}


def _strings(value: Any, where: str) -> tuple[str, ...]:
    items: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ImageRecipeError(f"{where}: expected a list of texts, got {value!r}")
    return tuple(items)


def _debian(table: dict[str, Any], where: str, *, has_base: bool) -> Debian:
    needed, more = ({"packages"}, "alone") if has_base else ({"suite", "variant", "packages"}, "hooks")
    if not needed <= table.keys() <= needed | {more}:
        raise ImageRecipeError(
            f"{where}: [debian] needs {sorted(needed)}, may have {more}; got {sorted(table)}"
        )
    return Debian(
        packages=_strings(table["packages"], where),
        suite=table.get("suite", ""),
        variant=table.get("variant", ""),
        alone=_strings(table.get("alone", []), where),
        hooks=_strings(table.get("hooks", []), where),
    )


def _python(table: dict[str, Any], where: str) -> Groups | SharedBy | Lock:
    match table:
        case {"groups": value, **rest} if not rest:
            return Groups(names=_strings(value, where))
        case {"shared-by": value, **rest} if not rest:
            return SharedBy(names=_strings(value, where))
        case {"requirements": str(value), **rest} if not rest:
            return Lock(file=value)
        case _:
            raise ImageRecipeError(
                f"{where}: [python] needs exactly one of groups, shared-by, requirements; got {sorted(table)}"
            )


def _modules(table: dict[str, str], where: str) -> tuple[tuple[str, str, str], ...]:
    entries: list[tuple[str, str, str]] = []
    for target, source in table.items():
        project, separator, path = source.partition(":")
        if not separator:
            raise ImageRecipeError(f"{where}: [modules] {target} = {source!r}: expected PROJECT:MODULE/PATH")
        entries.append((target, project, path))
    return tuple(entries)


def _sources(names: tuple[str, ...], where: str) -> tuple[Path, ...]:
    found: list[Path] = []
    for name in names:
        path = _REPOSITORY / name
        files = [each for each in path.rglob("*") if _is_content(each)] if path.is_dir() else [path]
        if not files or not files[0].is_file():
            raise ImageRecipeError(
                f"{where}: sources: {name} is neither a file nor a folder of this repository"
            )
        found += files
    return tuple(sorted(found))


def _is_content(path: Path) -> bool:
    """Return whether a file of an image's folder is part of its build context."""
    if "__pycache__" in path.parts or path.suffix in {".md", ".pyc", ".in"}:
        return False
    return path.is_file() or path.is_symlink()


@cache
def load(name: str) -> Image:
    """Read one image's folder.

    Raises:
        ImageRecipeError: no such folder, or a malformed image.toml.
    """
    folder = FOLDER / name
    where = f"images/{name}/image.toml"
    if not (folder / "Dockerfile").is_file():
        raise ImageRecipeError(
            f"no image {name!r}: expected images/{name}/Dockerfile; try `python -m images list`"
        )
    try:
        text = (folder / "image.toml").read_text() if (folder / "image.toml").is_file() else ""
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImageRecipeError(f"{where}: {error}") from error
    if unknown := table.keys() - _KEYS:
        raise ImageRecipeError(f"{where}: unknown keys {sorted(unknown)}; allowed are {sorted(_KEYS)}")
    return Image(
        name=name,
        folder=folder,
        base=table.get("base"),
        programs=_strings(table.get("programs", []), where),
        debian=_debian(table["debian"], where, has_base="base" in table) if "debian" in table else None,
        python=_python(table["python"], where) if "python" in table else None,
        modules=_modules(table.get("modules", {}), where),
        seconds=float(table.get("seconds", 5)),
        on_demand=bool(table.get("on-demand", False)),
        files=tuple(sorted(path for path in folder.rglob("*") if _is_content(path))),
        sources=_sources(_strings(table.get("sources", []), where), where),
    )


def all_images() -> list[Image]:
    """Return every image, by name."""
    return [load(path.parent.name) for path in sorted(FOLDER.glob("*/Dockerfile"))]


def with_bases(names: list[str]) -> list[Image]:
    """Return the named images and their bases, each after its base.

    Raises:
        ImageRecipeError: bases form a circle, or one is missing.
    """
    ordered: dict[str, Image] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ImageRecipeError(f"bases form a circle: {' -> '.join((*path, name))}")
        if name in ordered:
            return
        image = load(name)
        if image.base:
            visit(image.base, (*path, name))
        ordered[name] = image

    for name in names:
        visit(name, ())
    return list(ordered.values())


def has_programs(name: str) -> bool:
    """Return whether an image, or one of its bases, contains programs that Go compiled."""
    return any(image.programs for image in with_bases([name]))


def without_upstream() -> list[str]:
    """Return the names of the images with nothing of an upstream project in them or their bases.

    Every stack has them, so they are built while the programs are; those on demand are not among them.
    """
    return [
        image.name
        for image in all_images()
        if not image.on_demand and not any(each.programs or each.modules for each in with_bases([image.name]))
    ]


@cache
def key(name: str) -> str:
    """Return the content key: the digest of all that goes into an image, its base included.

    It covers files with their executable bits and links, which include a lock of Debian packages, locked
    Python packages, and the sources and build recipes of upstream programs. The Go release that happens to be
    installed is not part of it, so that everybody who builds a commit gives an image the same reference;
    raise the `go` line of a go.mod to demand a newer one, which does change the key.

    Raises:
        UpstreamError: the image, its base or something it names is missing.
    """
    image = with_bases([name])[-1]
    digest = hashlib.sha256(f"{_FORMAT}\n".encode())

    def add(*parts: str | bytes) -> None:
        for part in parts:
            digest.update((part.encode() if isinstance(part, str) else part) + b"\0")

    for name_in_context, path in image.context.items():
        executable = "x" if path.lstat().st_mode & 0o100 else "-"
        add(name_in_context, executable, _content(path))
    if image.base:
        add("base", key(image.base))
    for program in image.programs:
        add(program, recipe.owner(program).sources_key)
    add(*_locked_packages(image))
    for target, project, path in image.modules:
        add(target, path, (recipe.load(project).folder / "go.sum").read_bytes())
    return digest.hexdigest()[:16]


def _content(path: Path) -> str | bytes:
    """Return what a file adds to a key: of a lock the packages, not when they were locked."""
    if path.is_symlink():
        return str(path.readlink())
    if path.name != DEBIAN_LOCK:
        return path.read_bytes()
    return "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))


def forget() -> None:
    """Read images anew from now on: one of their files has changed."""
    load.cache_clear()
    key.cache_clear()


def _locked_packages(image: Image) -> list[str]:
    """Return the entries of uv.lock that an image installs; a lock of its own is one of its files."""
    match image.python:
        case Groups(names=names):
            entries = {name: entry for each in names for name, entry in python_lock.group(each).items()}
        case SharedBy(names=names):
            first, *others = (python_lock.group(each) for each in names)
            entries = {name: first[name] for name in first if all(name in other for other in others)}
        case _:
            entries = {}
    return [json.dumps(entries[name], sort_keys=True) for name in sorted(entries)]


def tag(name: str, version: str = "") -> str:
    """Return the tag of an image that is built here: a version, if it has one, then its content.

    A changed image gets another tag, so that pods with pull policy IfNotPresent are replaced too.

    Raises:
        UpstreamError: as of `key`.
    """
    content = key(name)[:_TAG_DIGITS]
    return f"{version}-{content}" if version else content


def is_tag_of(tag: str, content_key: str) -> bool:
    """Return whether a tag names an image by this content, whatever version stands before it."""
    return tag.rpartition("-")[2] == content_key[:_TAG_DIGITS]
