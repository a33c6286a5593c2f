"""A named native instance: its files and its addresses."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.errors import ClusterError
from upstream.cache import cache_root, write_atomically

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")
# Marks the processes of an instance in their environment, so that `down` finds them without any file.
MARK = "PLINTH_CLUSTER_FOLDER"
# Marks the processes of a run of the Pulumi engine; the value is a folder below the engine's.
ENGINE_MARK = "PLINTH_ENGINE_RUN"


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Addresses and ports of an instance; they never change, because its certificates name them."""

    host_ip: str
    node_ip: str
    gateway_port: int
    api_port: int
    registry_port: int


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """How to reach a cluster from this machine."""

    kubeconfig: str
    api: str
    gateway: str
    registry: str
    node_ip: str

    def text(self) -> str:
        """Return the record as JSON, the format of the endpoints file."""
        return json.dumps(asdict(self), indent=1)


@dataclass(frozen=True)
class Instance:
    """A named instance and its files below `<cache>/clusters/<name>`."""

    name: str

    def __post_init__(self) -> None:
        """Reject a name that cannot be a folder, a node name and a part of a cgroup name."""
        if not _NAME.fullmatch(self.name):
            raise ClusterError(
                f"--name {self.name!r}: use 1 to 30 lower-case letters, digits and inner dashes"
            )

    @property
    def folder(self) -> Path:
        """All files of the instance; `down` deletes it."""
        return cache_root() / "clusters" / self.name

    @property
    def lock(self) -> Path:
        """The lock file; it is outside the folder, so that `down` holds it while it deletes the folder."""
        return cache_root() / "clusters" / f"{self.name}.lock"

    @property
    def key(self) -> str:
        """Distinguishes equal names of two caches wherever a name is global to the machine."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def link(self) -> str:
        """Name of the network link's end on the machine (15 characters at most)."""
        return f"plinth{self.key}"

    @property
    def cgroup(self) -> str:
        """Name of the cgroup root, the same in every hierarchy."""
        return f"plinth-{self.name}-{self.key}"

    @property
    def node(self) -> str:
        """Name of the one node."""
        return f"plinth-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's kubeconfig, valid on this machine."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file per supervised process."""
        return self.folder / "logs"

    @property
    def plan(self) -> Path:
        """The plan that the supervisor runs."""
        return self.folder / "plan.json"

    @property
    def status(self) -> Path:
        """The supervisor's latest report."""
        return self.folder / "status.json"

    @property
    def endpoints_file(self) -> Path:
        """Endpoints for clients; exists only while the cluster is usable."""
        return self.folder / "endpoints.json"

    @property
    def pki(self) -> Path:
        """Certificates and the components' kubeconfigs."""
        return self.folder / "pki"

    def addresses(self) -> Addresses | None:
        """Return the addresses that `keep` stored, or None if the instance was never created."""
        path = self.folder / "instance.json"
        try:
            return Addresses(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ClusterError(
                f"{path} is damaged: run `python -m cluster down --name {self.name}`, then up again"
            ) from error

    def keep(self, addresses: Addresses) -> None:
        """Store the addresses for the life of the instance."""
        write_atomically(self.folder / "instance.json", json.dumps(asdict(addresses), indent=1))

    def endpoints(self) -> Endpoints:
        """Return how to reach the running instance.

        Raises:
            ClusterError: it is not up.
        """
        try:
            return Endpoints(**json.loads(self.endpoints_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise ClusterError(
                f"cluster {self.name!r} is not up: run `python -m cluster up --name {self.name}`"
            ) from error
