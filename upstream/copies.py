"""Files of pinned modules for a build: read in place, or copied to add or leave out files."""

import json
from pathlib import Path

from upstream import go
from upstream.cache import UpstreamError


def located(build: Path, module: str) -> Path:
    """Return the read-only folder of a module, at the version that go.mod in `build` pins.

    Raises:
        UpstreamError: the module is not pinned, or cannot be downloaded.
    """
    done = go.run(["mod", "download", "-json", module], cwd=build, module_cache=None)
    return Path(json.loads(done)["Dir"])


def copied(build: Path, module: str, *, without: tuple[str, ...] = ()) -> Path:
    """Copy a module, make the build folder's go.mod use the copy, and return the copy's folder.

    Args:
        build: the folder in which `go build` will run; its go.mod pins the module.
        module: the path of the module.
        without: folders of the module that are not copied.

    Raises:
        UpstreamError: the module is not pinned, or cannot be downloaded.
    """
    source = located(build, module)
    copy = build / "copies" / module
    for path in source.rglob("*"):
        inside = path.relative_to(source)
        if path.is_file() and not any(inside.is_relative_to(folder) for folder in without):
            target = copy / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            # Contents only: the module cache is read-only, and the build folder must stay deletable.
            target.write_bytes(path.read_bytes())
    go.run(["mod", "edit", f"-replace={module}=./copies/{module}"], cwd=build, module_cache=None)
    return copy


def extended(file: Path, *, after: str, add: str) -> None:
    """Insert lines into a copied file after a text that it holds exactly once.

    Raises:
        UpstreamError: the text is not there, or more than once: upstream has changed.
    """
    replaced(file, after, by=after + add)


def replaced(file: Path, old: str, *, by: str) -> None:
    """Replace a text that a copied file holds exactly once.

    Raises:
        UpstreamError: the text is not there, or more than once: upstream has changed.
    """
    text = file.read_text()
    if (found := text.count(old)) != 1:
        raise UpstreamError(
            f"{file.name}: holds {old.strip()!r} {found} times instead of once: adapt prepare.py"
        )
    file.write_text(text.replace(old, by))
