"""GPUs are cut before the kubelet starts, at every boot, or the kubelet does not start.

The script runs under a stand-in for `nvidia-smi` and one for `systemctl`, which keep the state of two GPUs.
"""

import configparser
import graphlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.aws import gpu_partitioning

# What both stand-ins run: `nvidia-smi` as far as the script calls it, with NVIDIA's answers.
_STAND_IN = """#!{python} -IS
import json, pathlib, re, sys

STATE = pathlib.Path({state!r})
state = json.loads(STATE.read_text())
gpus, words = state["gpus"], sys.argv[1:]
state["calls"].append(" ".join([pathlib.Path(sys.argv[0]).name, *words]))


def end(code=0, text=""):
    STATE.write_text(json.dumps(state))
    print(text)
    sys.exit(code)


if sys.argv[0].endswith("systemctl"):
    if words[0] == "stop" and state["held_by"] in words:
        state["held_by"] = ""
    end()
if words[0].startswith("--query-gpu="):
    end(text="\\n".join(f"{{n}}, {{gpu['current']}}, {{gpu['pending']}}" for n, gpu in enumerate(gpus)))
if words == ["-L"]:
    lines = []
    for number, gpu in enumerate(gpus):
        lines.append(f"GPU {{number}}: NVIDIA A100-SXM4-40GB (UUID: GPU-{{number}})")
        lines += [f"  MIG {{one}}     Device  {{at}}: (UUID: M)" for at, one in enumerate(gpu["cut"])]
    end(text="\\n".join(lines))
if words[0] == "-i" and words[2:] == ["-mig", "1"]:
    gpu = gpus[int(words[1])]
    if gpu["pending"] == "Enabled":
        end(1, "MIG mode is already enabled")
    if state["refuses"]:
        end(19, "In use by another client")
    gpu["pending"] = "Enabled"
    if state["needs_reboot"] or state["held_by"]:
        end(text="Warning: MIG mode is in pending enable state")
    gpu["current"] = "Enabled"
    end()
if words[:1] == ["mig"] and words[1] in ("-dci", "-dgi"):
    found = any(gpu["cut"] for gpu in gpus)
    if words[1] == "-dgi":
        for gpu in gpus:
            gpu["cut"] = []
    end(0 if found else 6)
if words[:2] == ["mig", "-cgi"] and words[3:] == ["-C"]:
    if not all(gpu["current"] == "Enabled" and not gpu["cut"] for gpu in gpus):
        end(4, "Insufficient Resources")
    for number, gpu in enumerate(gpus):
        if number in state["broken"]:
            end(15, "Unknown Error")
        gpu["cut"] = words[2].split(",")[number in state["short"] :]
    end()
end(2, f"not played: {{words}}")
"""


class Node:
    """A node with two GPUs, one profile and two devices for each."""

    script = (gpu_partitioning.FOLDER / "partition-gpus.sh").read_text()

    def __init__(self, folder: Path, **state: Any) -> None:
        self._folder, self._file = folder, folder / "state.json"
        gpu: dict[str, Any] = {"current": "Disabled", "pending": "Disabled", "cut": []}
        start: dict[str, Any] = {
            "gpus": [{**gpu}, {**gpu}],
            "held_by": "nvidia-persistenced.service",
            "needs_reboot": False,
            "refuses": False,
            "broken": [],
            "short": [],
            "calls": [],
        }
        self.state = {**start, **state}
        for name in ("nvidia-smi", "systemctl"):
            program = folder / name
            program.write_text(_STAND_IN.format(python=sys.executable, state=str(self._file)))
            program.chmod(0o755)

    def boot(self, **changes: Any) -> int:
        """Boot and run the script; return its exit code. Modes that were pending are in effect then."""
        self.state |= {"calls": [], **changes}
        for gpu in self.state["gpus"]:
            gpu |= {"current": gpu["pending"], "cut": []}
        return self.run()

    def run(self) -> int:
        self._file.write_text(json.dumps(self.state))
        done = subprocess.run(
            ["bash", "-c", self.script, "partition-gpus", "3g.20gb", "2"],
            env={"PATH": f"{self._folder}:/usr/bin:/bin", "STATE_DIRECTORY": str(self._folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.state = json.loads(self._file.read_text())
        return done.returncode

    @property
    def cut(self) -> list[list[str]]:
        return [gpu["cut"] for gpu in self.state["gpus"]]

    @property
    def reboots(self) -> int:
        return self.state["calls"].count("systemctl reboot")

    def changes(self) -> list[str]:
        """Return what was called that changes a GPU."""
        return [call for call in self.state["calls"] if " mig -" in call or " -mig " in call]


CUT = [["3g.20gb", "3g.20gb"]] * 2


def test_a_new_h100_is_cut_at_once(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.boot() == 0
    assert (node.cut, node.reboots) == (CUT, 0)
    started = "systemctl start --no-block nvidia-persistenced.service set-nvidia-clocks.service"
    # What holds the GPUs is stopped for the mode alone.
    assert started in node.state["calls"]


def test_a_new_a100_asks_for_one_reboot_and_is_cut_after_it(tmp_path: Path) -> None:
    node = Node(tmp_path, needs_reboot=True)
    assert node.boot() != 0, "the kubelet must not start before the reboot"
    assert (node.cut, node.reboots) == ([[], []], 1)
    assert node.boot() == 0
    assert (node.cut, node.reboots) == (CUT, 0)


def test_a_gpu_that_a_reboot_does_not_change_is_not_rebooted_for_ever(tmp_path: Path) -> None:
    node = Node(tmp_path, needs_reboot=True)
    node.boot()
    node.state["gpus"][1]["pending"] = "Disabled"
    assert node.boot() != 0
    assert (node.cut, node.reboots) == ([[], []], 0)


def test_the_cut_does_not_outlive_a_boot_and_is_made_again(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.boot()
    assert node.boot() == 0
    assert (node.cut, node.reboots) == (CUT, 0)
    assert not [call for call in node.changes() if " -mig " in call], "the mode was there"


def test_an_a100_whose_mode_was_lost_may_be_rebooted_again(tmp_path: Path) -> None:
    node = Node(tmp_path, needs_reboot=True)
    node.boot()
    node.boot()
    for gpu in node.state["gpus"]:
        gpu["pending"] = "Disabled"
    assert node.boot() != 0
    assert node.reboots == 1


def test_what_is_cut_is_left_alone(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.boot()
    node.state["calls"] = []
    assert node.run() == 0
    assert node.changes() == []


@pytest.mark.parametrize("left", [["3g.20gb"], ["1g.5gb"] * 7, ["3g.20gb", "3g.20gb", "1g.5gb"]])
def test_what_is_cut_otherwise_is_cut_anew(tmp_path: Path, left: list[str]) -> None:
    node = Node(tmp_path)
    node.boot()
    node.state["gpus"][1]["cut"] = left
    assert node.run() == 0
    assert node.cut == CUT


def test_a_busy_gpu_gets_its_mode_from_a_reboot(tmp_path: Path) -> None:
    node = Node(tmp_path, held_by="dcgm.service")
    assert node.boot() != 0
    assert node.reboots == 1
    assert node.boot() == 0
    assert node.cut == CUT


# Nodes whose GPUs cannot be cut.
BROKEN: dict[str, dict[str, Any]] = {
    "mode refused": {"refuses": True},
    "second GPU broken": {"broken": [1]},
    "one device short": {"short": [1]},
    "no GPU": {"gpus": []},
    "no MIG": {"gpus": [{"current": "[N/A]", "pending": "[N/A]", "cut": []}], "refuses": True},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_node_that_cannot_be_cut_gets_no_kubelet_and_no_reboot(tmp_path: Path, name: str) -> None:
    node = Node(tmp_path, **BROKEN[name])
    assert node.boot() != 0
    assert node.reboots == 0


def joining_uncut(script: str, folder: Path) -> list[str]:
    """Return the states of nodes that would get a kubelet although the script cannot cut their GPUs."""
    found: list[str] = []
    for name, state in BROKEN.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        node = Node(place, **state)
        node.script = script
        if node.boot() == 0:
            found.append(f"{name}: the kubelet starts")
    return found


# Units of EKS's AMIs of AL2023 that bear on the order, as of both ways in which they load NVIDIA's driver.
_COMMON: dict[str, dict[str, str]] = {
    "nodeadm-config.service": {"Before": "cloud-init.service"},
    "cloud-final.service": {"After": "cloud-init.service"},
    "nodeadm-run.service": {
        "After": "nodeadm-config.service cloud-final.service",
        "Requires": "nodeadm-config.service",
    },
    "containerd.service": {},
    "kubelet.service": {"After": "containerd.service", "Wants": "containerd.service"},
    "nvidia-persistenced.service": {},
    "nvidia-fabricmanager.service": {},
    "set-nvidia-clocks.service": {
        "After": "nvidia-persistenced.service",
        "Requires": "nvidia-persistenced.service",
    },
}
_DAEMONS = "nvidia-fabricmanager.service nvidia-persistenced.service"
AMIS = {
    "loads modules": {**_COMMON, "nvidia-kmod-load.service": {"Before": _DAEMONS}},
    "sets up a driver": {
        **_COMMON,
        "nvidia-driver-resolve.service": {"After": "local-fs.target"},
        "nvidia-setup.service": {"After": "nvidia-driver-resolve.service", "Before": _DAEMONS},
    },
}


def _read(text: str) -> dict[str, list[str]]:
    """Return the section [Unit]; a key may be given several times."""
    found: dict[str, list[str]] = {}
    for line in text.partition("[Unit]\n")[2].partition("\n[")[0].splitlines():
        key, sign, value = line.partition("=")
        if sign and not key.startswith("#"):
            found.setdefault(key, []).extend(value.split())
    return found


def _order(units: dict[str, dict[str, list[str]]]) -> list[str]:
    """Return the units in an order of their start; a circle raises."""
    before: dict[str, set[str]] = {name: set() for name in units}
    for name, unit in units.items():
        before[name] |= set(unit.get("After", [])) & units.keys()
        for later in set(unit.get("Before", [])) & units.keys():
            before[later].add(name)
    return [*graphlib.TopologicalSorter(before).static_order()]


def installed() -> dict[str, str]:
    """Return path -> content of the files that the user data writes, by running it in a shell."""
    script = gpu_partitioning.user_data("3g.20gb", 2)
    played = 'install() { printf "%s\\0" "${@: -1}"; cat; printf "\\0"; }\nsystemctl() { :; }\n'
    done = subprocess.run(["bash", "-c", played + script], capture_output=True, text=True, check=True)
    parts = done.stdout.split("\0")
    return dict(zip(parts[::2], parts[1::2], strict=False))


def out_of_order(files: Mapping[str, str], ami: str) -> list[str]:
    """Return what of an AMI the unit in these files does not wait for, or what does not wait for it."""
    units = {name: {key: value.split() for key, value in unit.items()} for name, unit in AMIS[ami].items()}
    own = units[gpu_partitioning.UNIT] = _read(files[f"/etc/systemd/system/{gpu_partitioning.UNIT}"])
    kubelet = _read(files["/etc/systemd/system/kubelet.service.d/10-partition-gpus.conf"])
    units["kubelet.service"] = {
        key: [*units["kubelet.service"].get(key, []), *kubelet.get(key, [])] for key in ("After", "Requires")
    }
    drivers = {name for name in units if name.startswith(("nvidia-kmod", "nvidia-setup", "nvidia-fabric"))}
    # Whatever order is allowed: the unit waits for all of these, and these wait for it.
    found = [f"the unit does not wait for {each}" for each in sorted(drivers - set(own.get("After", [])))]
    later = {"nodeadm-run.service", "kubelet.service"} - set(own.get("Before", []))
    found += [f"{each} does not wait for the unit" for each in sorted(later)]
    if gpu_partitioning.UNIT not in units["kubelet.service"]["Requires"]:
        found.append("the kubelet starts without the unit")
    order = _order(units)
    if order.index(gpu_partitioning.UNIT) > order.index("nodeadm-run.service"):
        found.append("nodeadm may run first")
    return found


@pytest.mark.parametrize("ami", AMIS)
def test_the_unit_comes_after_the_driver_and_before_the_kubelet(ami: str) -> None:
    assert out_of_order(installed(), ami) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("ami", AMIS)
def test_systemd_accepts_the_units(ami: str, tmp_path: Path) -> None:
    for name, unit in AMIS[ami].items():
        lines = [f"{key}={value}" for key, value in unit.items()]
        text = "\n".join(["[Unit]", *lines, "[Service]", "Type=oneshot", "ExecStart=/bin/true", ""])
        (tmp_path / name).write_text(text)
    for path, content in installed().items():
        if path.startswith("/etc/systemd/system/"):
            file = tmp_path / path.removeprefix("/etc/systemd/system/")
            file.parent.mkdir(exist_ok=True)
            file.write_text(content.replace(gpu_partitioning.PROGRAM, "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", gpu_partitioning.UNIT, "kubelet.service"]
    environment = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "partition-gpus" in line or "cycle" in line]
    assert (done.returncode, said) == (0, []), done.stderr


def test_the_user_data_writes_what_keeps_the_kubelet_back_first() -> None:
    files = installed()
    assert [path.rpartition("/")[2] for path in files] == [
        "10-partition-gpus.conf",
        "partition-gpus",
        "partition-gpus.service",
    ]
    assert files[gpu_partitioning.PROGRAM] == (gpu_partitioning.FOLDER / "partition-gpus.sh").read_text()
    unit = configparser.ConfigParser(strict=False)
    unit.read_string(files["/etc/systemd/system/partition-gpus.service"])
    assert unit["Service"]["ExecStart"] == f"{gpu_partitioning.PROGRAM} 3g.20gb 2"
