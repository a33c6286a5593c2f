"""The script with which a node installs a unit that cuts its GPUs by MIG, at every boot, before it joins."""

from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "node_files"
UNIT = "partition-gpus.service"
PROGRAM = "/usr/local/sbin/partition-gpus"
_UNITS = "/etc/systemd/system"
_END = "END-OF-FILE"


def unit(profile: str, count: int) -> str:
    """Return the systemd unit that cuts each GPU into this many devices of a profile."""
    return Template((FOLDER / UNIT).read_text()).substitute(profile=profile, count=count)


def user_data(profile: str, count: int) -> str:
    """Return the shell script of a node's user data, which runs at its first boot."""
    kubelet = f"{_UNITS}/kubelet.service.d/10-partition-gpus.conf"
    lines = [
        "#!/bin/bash",
        "set -eu",
        # First: if anything below fails, the kubelet waits for a unit that is not there.
        _file(kubelet, "0644", (FOLDER / "kubelet-after-partition-gpus.conf").read_text()),
        _file(PROGRAM, "0755", (FOLDER / "partition-gpus.sh").read_text()),
        _file(f"{_UNITS}/{UNIT}", "0644", unit(profile, count)),
        "systemctl daemon-reload",
        f"systemctl enable {UNIT}",
        # Without waiting: what it comes after may itself wait for this script. nodeadm, which starts the
        # kubelet, waits for both.
        f"systemctl start --no-block {UNIT}",
    ]
    return "\n".join(lines) + "\n"


def _file(path: str, mode: str, content: str) -> str:
    return f"install -D -m {mode} /dev/stdin {path} <<'{_END}'\n{content}{_END}"
