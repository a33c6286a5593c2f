"""Pages of an index of Python packages: read from another index, written for pip with links to this one."""

import html
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a project."""

    name: str
    url: str
    sha256: str | None = None
    requires_python: str | None = None
    yanked: str | None = None
    """Why it should not be installed; None if it may be."""
    metadata: bool = False
    """Whether its metadata can be fetched alone."""


def normalized(name: str) -> str | None:
    """Return the name of a project as indexes compare it, or None if no project can be called so."""
    return re.sub(r"[-_.]+", "-", name).lower() if _NAME.fullmatch(name) else None


def read(url: str, content_type: str, text: str) -> tuple[File, ...]:
    """Return the files on the page of a project.

    Args:
        url: where the page came from; its links may be relative.
        content_type: its type, JSON or HTML.
        text: the page.
    """
    if content_type.split(";")[0].strip() == JSON:
        return tuple(_from_json(url, each) for each in json.loads(text)["files"])
    parser = _Links(url)
    parser.feed(text)
    return tuple(parser.files)


def _from_json(url: str, entry: dict[str, object]) -> File:
    hashes, yanked = entry.get("hashes"), entry.get("yanked")
    return File(
        name=str(entry["filename"]),
        url=urljoin(url, str(entry["url"])),
        sha256=hashes.get("sha256") if isinstance(hashes, dict) else None,
        requires_python=str(entry["requires-python"]) if entry.get("requires-python") else None,
        yanked=None if not yanked else yanked if isinstance(yanked, str) else "",
        metadata=bool(entry.get("core-metadata") or entry.get("dist-info-metadata")),
    )


class _Links(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.files: list[File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag != "a" or not found.get("href"):
            return
        url, _, fragment = urljoin(self._url, str(found["href"])).partition("#")
        name = unquote(urlsplit(url).path).rpartition("/")[2]
        metadata = found.get("data-core-metadata") or found.get("data-dist-info-metadata") or "false"
        self.files.append(
            File(
                name=name,
                url=url,
                sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None,
                requires_python=found.get("data-requires-python"),
                yanked=(found["data-yanked"] or "") if "data-yanked" in found else None,
                metadata=metadata != "false",
            )
        )


def written(project: str, files: tuple[File, ...]) -> str:
    """Return the page of a project, in the form that every pip reads, with links below `files/`."""
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta name="pypi:repository-version" content="1.0"></head><body>',
    ]
    for each in files:
        href = f"../../files/{project}/{each.name}" + (f"#sha256={each.sha256}" if each.sha256 else "")
        attributes = {"href": href}
        if each.requires_python:
            attributes["data-requires-python"] = each.requires_python
        if each.yanked is not None:
            attributes["data-yanked"] = each.yanked
        if each.metadata:
            attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = "true"
        text = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
        lines.append(f"<a {text}>{html.escape(each.name)}</a><br>")
    return "\n".join([*lines, "</body></html>"])
