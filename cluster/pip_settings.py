"""What pip on this machine is set to: which index it asks, and how it gets there."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pip._internal.models.index import PyPI

from upstream.cache import write_atomically

_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# Later ones win, as in pip.
_SECTIONS = ("global.", "install.", ":env:.")


@dataclass(frozen=True, kw_only=True)
class PipSettings:
    """The settings that a client of the same index needs."""

    indexes: tuple[str, ...] = ()
    certificate: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    proxies: dict[str, str] = field(default_factory=dict[str, str])
    """Proxy variables of the environment."""

    def write(self, path: Path) -> None:
        """Write them for the index server; for its eyes alone, since a URL may hold a password."""
        write_atomically(path, json.dumps(asdict(self), indent=1))
        path.chmod(0o600)

    @staticmethod
    def from_file(path: Path) -> "PipSettings":
        """Read what `write` wrote."""
        table = json.loads(path.read_text())
        for name in ("indexes", "trusted_hosts"):
            table[name] = tuple(table[name])
        return PipSettings(**table)


def parse(listing: str, proxies: dict[str, str]) -> PipSettings:
    """Return the settings from what `pip config list` prints: a line `section.name='value'` each."""
    values: dict[str, str] = {}
    for section in _SECTIONS:
        for line in listing.splitlines():
            name, separator, value = line.partition("=")
            if separator and name.startswith(section):
                values[name.removeprefix(section)] = str(ast.literal_eval(value))
    first = values.get("index-url") or PyPI.simple_url
    indexes = (first.strip(), *values.get("extra-index-url", "").split())
    return PipSettings(
        indexes=indexes,
        certificate=values.get("cert"),
        proxy=values.get("proxy"),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        proxies=proxies,
    )


def read() -> PipSettings:
    """Ask pip; a pip that fails gives its defaults."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    proxies = {name: os.environ[name] for name in _PROXIES if os.environ.get(name)}
    return parse(done.stdout if done.returncode == 0 else "", proxies)
