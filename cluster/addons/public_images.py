"""Images that pipelines name by habit, as public registries call them; they are built here."""

_REPOSITORY = "docker.io/library/python"
# Version of Python -> release of Debian that the image is made of.
_RELEASES = {"3.9": "bullseye", "3.11": "bookworm", "3.12": "bookworm", "3.13": "trixie"}
_NEWEST = "3.13"


def references() -> list[tuple[str, str]]:
    """Return (short name, reference) of each name that is answered; an image has several."""
    found: list[tuple[str, str]] = []
    for version, release in _RELEASES.items():
        tags = [version, f"{version}-slim", f"{version}-{release}", f"{version}-slim-{release}"]
        if version == _NEWEST:
            tags += ["3", "3-slim", "latest", "slim"]
        found += [(f"python-{version}", f"{_REPOSITORY}:{tag}") for tag in tags]
    return found
