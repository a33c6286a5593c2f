"""What images consist of, as CycloneDX: packages of Debian, Go modules of programs and Python packages.

Syft reads it from the stored image itself, layer by layer, and so lists what is there rather than what a
recipe asked for.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from images import ImagesError, store
from upstream.build import binary
from upstream.cache import write_atomically

_SECONDS = 600


def write(name: str, folder: Path) -> int:
    """Write `<folder>/<image>.cdx.json`; return the number of components.

    Args:
        name: a stored image.
        folder: where to write; it is created.

    Raises:
        ImagesError: the image is not built, or syft could not read it.
        UpstreamError: syft is not built.
    """
    syft, record = str(binary("syft")), store.require(name)
    folder.mkdir(parents=True, exist_ok=True)
    # Blobs are hard links, which need the same file system.
    with tempfile.TemporaryDirectory(dir=store.folder(), prefix=".sbom-") as made:
        layout = Path(made) / "layout"
        store.export(name, layout)
        command = [syft, "scan", f"oci-dir:{layout}", "--quiet", "--output", "cyclonedx-json"]
        command += ["--source-name", name, "--source-version", record.key]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_SECONDS, env=_environment()
            )
        except subprocess.TimeoutExpired:
            raise ImagesError(f"image {name}: syft did not read it in {_SECONDS} s") from None
    if done.returncode != 0:
        *_, reason = done.stderr.strip().split("\n")
        raise ImagesError(f"image {name}: syft: {reason}")
    found: dict[str, Any] = json.loads(done.stdout)
    write_atomically(folder / f"{name}.cdx.json", done.stdout)
    return len(found.get("components", []))


def _environment() -> Mapping[str, str]:
    own = {
        # It asks for its own next release otherwise.
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        # Packages, and not each of their thousands of files.
        "SYFT_FILE_METADATA_SELECTION": "none",
    }
    return {**os.environ, **own}
