"""Copies models into a pod before its server starts: `python -m storage_initializer URI FOLDER [...]`."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# A new pod may reach the object store some seconds late: the node's network policies must know its address
# first. botocore gives up after 5 attempts, within a few seconds where connections are refused; 8 in its mode
# `standard` take up to a minute. A key that is wrong, or a bucket that is not there, is not tried again.
RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "8"}


def pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (URI, folder) pairs of a command line.

    Raises:
        ValueError: the arguments are not pairs.
    """
    if not arguments or len(arguments) % 2:
        raise ValueError(f"expected URI FOLDER [URI FOLDER ...], got {len(arguments)} arguments")
    return list(zip(arguments[::2], arguments[1::2], strict=True))


def copy(sources: Sequence[tuple[str, str]], download: Callable[[str, str], object]) -> None:
    """Download each source and check that it had files.

    Raises:
        FileNotFoundError: a folder is empty afterwards, so the model server would find no model.
    """
    for uri, folder in sources:
        download(uri, folder)
        if not any(path.is_file() for path in Path(folder).rglob("*")):
            raise FileNotFoundError(f"{uri} holds no file: is the storageUri right?")


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    # Only this image's own lock has this package.
    from kserve_storage import Storage  # pyright: ignore[reportMissingImports]

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name, value in RETRIES.items():
        os.environ.setdefault(name, value)
    try:
        copy(pairs(arguments), Storage.download)
    except Exception as error:
        logging.getLogger(__name__).error("%s: %s", type(error).__name__, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
