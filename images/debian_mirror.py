"""Where this machine gets Debian from: the mirror that its APT uses, unless another is named."""

import functools
import http.client
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote, unquote

from images import ImagesError

# Updates of a suite are in the archive of the suite itself, security updates in one of their own.
_SUITES = (("debian", ""), ("debian", "-updates"), ("debian-security", "-security"))
_INDEX = re.compile(r"'(\w+://[^']*?)/(debian|debian-security)/+dists/")
_MIRROR, _SNAPSHOTS = "PLINTH_DEBIAN_MIRROR", "PLINTH_DEBIAN_SNAPSHOTS"
_GONE = {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE}
_SECONDS = 60
_TRIES = 3


@functools.cache
def address() -> str:
    """Return the address of a mirror that has `debian/` and `debian-security/`.

    Raises:
        ImagesError: none is named, and APT of this machine uses none.
    """
    if named := os.environ.get(_MIRROR):
        return named.rstrip("/")
    command = ["apt-get", "update", "--print-uris"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        found = None
    else:
        found = _INDEX.search(done.stdout)
    if found is None:
        raise ImagesError(
            f"APT of this machine uses no mirror of Debian: set {_MIRROR} to the address of one that has "
            "debian/ and debian-security/"
        )
    return found.group(1)


def sources(suite: str, options: str) -> str:
    """Return APT's sources of a suite and its updates."""
    return "".join(
        f"deb {options} {address()}/{archive} {suite}{ending} main\n" for archive, ending in _SUITES
    )


def path_of(uri: str) -> str:
    """Return the path of a file below the mirror that APT names."""
    return unquote(uri.removeprefix(f"{address()}/"))


def get(path: str, moment: str) -> bytes | None:
    """Return a file of the mirror, or else of a service of snapshots, as of a moment; None if it is gone.

    Raises:
        ImagesError: the mirror, or the service, does not answer.
    """
    return next((content for each in _places(path, moment) if (content := _get(each)) is not None), None)


def _places(path: str, moment: str) -> Iterator[str]:
    yield f"{address()}/{quote(path)}"
    if service := os.environ.get(_SNAPSHOTS):
        archive, _, below = path.partition("/")
        yield f"{service.rstrip('/')}/{archive}/{moment}/{quote(below)}"


def _get(place: str) -> bytes | None:
    problem: Exception | None = None
    for _ in range(_TRIES):
        try:
            with urllib.request.urlopen(place, timeout=_SECONDS) as answer:  # noqa: S310 - of a setting
                return answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _GONE:
                return None
            problem = error
        except (OSError, http.client.HTTPException) as error:
            problem = error
    raise ImagesError(f"{place}: {problem}: check the network, then try again")
