"""Reads the folders of `upstream/`: programs to build, and modules whose manifests are read."""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from upstream.cache import UpstreamError

FOLDER = Path(__file__).parent
_REQUIRE = re.compile(r"^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+)\s+(v\S+)", re.MULTILINE)
_REPLACED = re.compile(r"^\s*(?:replace\s+)?([\w.~/-]+) => \1 (v\S+)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(version|bare|major|minor):([^}]+)\}")
# Part of every key: raise it when the builder's own flags change what a build produces.
_BUILDER_FORMAT = "1"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One binary and how `go build` makes it."""

    name: str
    package: str
    cgo: bool = False
    tags: tuple[str, ...] = ()
    ldflags: str = ""


@dataclass(frozen=True, kw_only=True)
class Project:
    """One folder of `upstream/`: a go.mod, the programs built from it, the modules read from it."""

    name: str
    folder: Path
    versions: dict[str, str]
    programs: tuple[Program, ...] = ()
    manifest_modules: tuple[str, ...] = ()
    expected_seconds: float = 60.0
    on_demand: bool = False
    has_prepare: bool = False
    files: tuple[Path, ...] = field(default=())

    def version(self, module: str) -> str:
        """Return the pinned version of a module.

        Raises:
            UpstreamError: the module is not required in this project's go.mod.
        """
        if module not in self.versions:
            raise UpstreamError(
                f"upstream/{self.name}/go.mod does not require {module}: add it with `go get`"
            )
        return self.versions[module]

    @property
    def family(self) -> str:
        """Key of the projects that share most of their packages: a minor version of client-go, if any."""
        version = self.versions.get("k8s.io/client-go")
        return f"client-go {version.rpartition('.')[0]}" if version else self.name

    def key(self, go_version: str) -> str:
        """Return the key of a build: every file of the folder and the Go version that compiles it."""
        digest = hashlib.sha256(f"{_BUILDER_FORMAT}\n{go_version}\n".encode())
        for path in self.files:
            digest.update(f"{path.relative_to(self.folder)}\0".encode())
            digest.update(path.read_bytes())
            digest.update(b"\0")
        return digest.hexdigest()[:16]

    @cached_property
    def sources_key(self) -> str:
        """Key of the folder's files alone, whichever Go version compiles them."""
        return self.key(go_version="")


def _expand(text: str, versions: dict[str, str], where: str) -> str:
    def replace(match: re.Match[str]) -> str:
        kind, module = match.groups()
        if module not in versions:
            raise UpstreamError(f"{where}: {match.group(0)} names a module that go.mod does not require")
        version = versions[module]
        parts = version.lstrip("v").split(".")
        return {"version": version, "bare": version[1:], "major": parts[0], "minor": parts[1]}[kind]

    return _PLACEHOLDER.sub(replace, text)


def _program(name: str, table: dict[str, Any], versions: dict[str, str], where: str) -> Program:
    unknown = set(table) - {"package", "cgo", "tags", "ldflags"}
    if unknown or "package" not in table:
        raise UpstreamError(f"{where}: [programs.{name}] needs `package`; unknown keys: {sorted(unknown)}")
    return Program(
        name=name,
        package=table["package"],
        cgo=table.get("cgo", False),
        tags=tuple(table.get("tags", ())),
        ldflags=_expand(table.get("ldflags", ""), versions, where),
    )


def parse_versions(go_mod: str) -> dict[str, str]:
    """Return module -> version of every require line of a go.mod, or the version that replaces it."""
    requires = re.sub(r"^\s*(replace|exclude|retract)\s*(\([^)]*\)|[^\n]*)", "", go_mod, flags=re.MULTILINE)
    replaced = dict(_REPLACED.findall(go_mod))
    return {module: replaced.get(module, version) for module, version in _REQUIRE.findall(requires)}


@cache
def load(name: str) -> Project:
    """Read one project.

    Raises:
        UpstreamError: no such folder, or a malformed recipe.
    """
    folder = FOLDER / name
    if not (folder / "go.mod").is_file():
        raise UpstreamError(
            f"no upstream project {name!r}: expected upstream/{name}/go.mod; see `python -m upstream list`"
        )
    versions = parse_versions((folder / "go.mod").read_text())
    recipe_path = folder / "recipe.toml"
    where = f"upstream/{name}/recipe.toml"
    try:
        recipe = tomllib.loads(recipe_path.read_text()) if recipe_path.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise UpstreamError(f"{where}: {error}") from error
    build = recipe.get("build", {})
    return Project(
        name=name,
        folder=folder,
        versions=versions,
        programs=tuple(
            _program(key, table, versions, where) for key, table in recipe.get("programs", {}).items()
        ),
        manifest_modules=tuple(recipe.get("manifests", {}).get("modules", ())),
        expected_seconds=float(build.get("seconds", 60)),
        on_demand=bool(build.get("on_demand", False)),
        has_prepare=(folder / "prepare.py").is_file(),
        files=tuple(
            sorted(
                path
                for path in folder.rglob("*")
                if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".md", ".pyc"}
            )
        ),
    )


def all_projects() -> list[Project]:
    """Return every project, longest expected build first."""
    names = sorted(path.parent.name for path in FOLDER.glob("*/go.mod"))
    return sorted((load(name) for name in names), key=lambda project: -project.expected_seconds)


def owner(program: str) -> Project:
    """Return the project that builds a program.

    Raises:
        UpstreamError: no recipe declares it.
    """
    for project in all_projects():
        if any(candidate.name == program for candidate in project.programs):
            return project
    raise UpstreamError(f"no upstream project builds {program!r}: see `python -m upstream list`")
