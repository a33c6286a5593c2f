"""The index of Python packages for a cluster without a way out: devpi-server mirrors what pip here is set to.

Run as `python -m cluster.package_index SETTINGS FOLDER SOCKET`. Its state is created anew at every start: an
index of devpi for each index of pip, and one over them all that clients name.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from cluster.pip_settings import PipSettings

# devpi's name of an index is user/name.
_ALL: Final = "root/packages"
PATH: Final = f"/{_ALL}/+simple/"
"""Path of the index that pip is set to."""
_REQUEST_SECONDS: Final = 30
# Nobody logs in: deriving a key for sessions by the default costs seconds of a core at every start.
_CHEAP_KEYS: Final = ("--argon2-time-cost=1", "--argon2-memory-cost=1024")


def state(settings: PipSettings) -> dict[str, Any]:
    """Return devpi's state as `devpi-import` reads it.

    Format: https://github.com/devpi/devpi/blob/main/server/devpi_server/importexport.py
    """
    mirrors = {
        f"root/index-{number}": {
            "type": "mirror",
            "mirror_url": url,
            # The list has every project of the world; devpi loads it to answer for one that does not exist.
            "mirror_no_project_list": True,
            "volatile": False,
        }
        for number, url in enumerate(settings.indexes)
    }
    over_all = {"type": "stage", "bases": list(mirrors), "acl_upload": [], "volatile": False}
    indexes = {name: {"indexconfig": config} for name, config in (*mirrors.items(), (_ALL, over_all))}
    return {"dumpversion": "2", "users": {}, "indexes": indexes}


def environment(settings: PipSettings) -> dict[str, str]:
    """Return the variables by which devpi reaches pip's indexes."""
    proxy = {"HTTP_PROXY": settings.proxy, "HTTPS_PROXY": settings.proxy} if settings.proxy else {}
    certificate = {"REQUESTS_CA_BUNDLE": settings.certificate} if settings.certificate else {}
    return {**os.environ, **settings.proxies, **proxy, **certificate}


def main() -> None:
    """Create the state, then become devpi-server."""
    settings = PipSettings.from_file(Path(sys.argv[1]))
    folder, socket = Path(sys.argv[2]), sys.argv[3]
    if settings.trusted_hosts:
        print("trusted-host of pip is ignored: devpi-server verifies certificates; set cert", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    (folder / "dataindex.json").write_text(json.dumps(state(settings)))
    server = folder / "server"
    programs = Path(sys.executable).parent
    subprocess.run(
        [
            str(programs / "devpi-import"),
            *("--serverdir", str(server), "--no-root-pypi", "--root-passwd", secrets.token_hex()),
            str(folder),
        ],
        check=True,
    )
    program = str(programs / "devpi-server")
    os.execve(  # noqa: S606 - no shell, on purpose
        program,
        [
            program,
            *("--serverdir", str(server), "--unix-socket", socket),
            *("--restrict-modify", "root", "--request-timeout", str(_REQUEST_SECONDS), *_CHEAP_KEYS),
        ],
        environment(settings),
    )


if __name__ == "__main__":
    main()
