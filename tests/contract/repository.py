"""The files of this repository, as the contract tests read them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = (
    "cluster",
    "components",
    "delivery",
    "harness",
    "images",
    "infra",
    "loadtests",
    "simulation",
    "terminal",
    "upstream",
    "workloads",
)


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is, or is about to be, committed, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(Path(name) for name in sorted(set(names)) if (ROOT / name).is_file())


def modules(package: str) -> list[Path]:
    """Return the Python modules of a package, without those that hold no code of their own."""
    return [
        file
        for file in files()
        if file.parts[0] == package
        and file.suffix == ".py"
        and file.name not in {"__init__.py", "__main__.py"}
    ]


def text(file: Path) -> str:
    """Return a file's text, or nothing if it is binary."""
    try:
        return (ROOT / file).read_text()
    except UnicodeDecodeError:
        return ""
