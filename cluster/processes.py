"""The plan of an instance: records that `up` writes and the instance's supervisor reads."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

# A supervised process inherits nothing from the caller's environment: a proxy variable or a stray
# KUBECONFIG of the shell that ran `up` must not reach the cluster.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CHECKOUT: Final = "PYTHONPATH"
"""Variable of a program of this repository that names the checkout."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One supervised process."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    needs: tuple[str, ...] = ()
    """Sockets that must accept before it starts: `host:port` or an absolute path."""
    host_network: bool = False
    """Whether it runs in the machine's network namespace (the loopback forwarders)."""
    own: bool = False
    """Whether it is a program of this repository, which `argv[0]` runs from the checkout in `PYTHONPATH`."""

    def content(self) -> dict[str, Any]:
        """Return everything but where the checkout is: another one runs the same program."""
        found = asdict(self)
        if self.own:
            found["argv"] = self.argv[1:]
            found["environment"] = {key: each for key, each in self.environment.items() if key != CHECKOUT}
        return found


@dataclass(frozen=True, kw_only=True)
class Network:
    """The instance's network link to the machine."""

    link: str
    """Name of the link's end on the machine."""
    host_ip: str
    node_ip: str
    prefix: int
    service_cidr: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The supervisor's input; if it equals the plan of a running instance, that one is up to date."""

    instance: str
    folder: str
    network: Network
    binds: dict[str, str]
    """Mount point inside the instance -> folder it shows."""
    configuration: str
    """Content key of the configuration files that the processes read."""
    processes: tuple[Process, ...]

    def text(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    def digest(self) -> str:
        """Return a short content key of the plan, the same from every checkout of this repository."""
        content = {**asdict(self), "processes": [each.content() for each in self.processes]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_plan(path: Path) -> Plan:
    """Read a plan that was written with `Plan.text`."""
    table: dict[str, Any] = json.loads(path.read_text())
    for entry in table["processes"]:
        entry.update(argv=tuple(entry["argv"]), needs=tuple(entry["needs"]))
    table["processes"] = tuple(Process(**entry) for entry in table["processes"])
    table["network"] = Network(**table["network"])
    return Plan(**table)
