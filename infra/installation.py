"""A stack of this machine: its settings, the engine that deploys it, and how its cluster is reached."""

import argparse
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cluster.instance import Instance
from cluster.programs import registry
from components import images
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.kubectl import Kubectl
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import stack_file
from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.stack import Settings
from upstream.cache import cache_root

_CONNECT_SECONDS = 5.0


def settings(stack: str) -> Settings:
    """Return the checked settings of a stack whose parts fit together."""
    chosen = stack_file.settings(stack)
    plan(chosen, PARTS)
    return chosen


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A stack, the engine that deploys it, and the cluster instance of this machine."""

    settings: Settings
    engine: Engine
    instance: Instance

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> "Installation":
        """Return the installation that a command line names."""
        chosen, instance = settings(options.stack), Instance(options.name)
        return cls(settings=chosen, engine=_engine(options.stack, chosen, instance), instance=instance)

    @property
    def on_this_machine(self) -> bool:
        """Whether the stack's cluster is the one that `python -m cluster` starts."""
        return isinstance(self.settings.cluster, ClusterSettings) and self.settings.cluster.kubeconfig is None

    @property
    def kubeconfig(self) -> Path | None:
        """Kubeconfig of a cluster that exists before the stack; None if the stack creates its cluster."""
        return self.engine.kubeconfig

    def require_images(self) -> None:
        """Check that this machine's registry has what the stack runs; pods would wait for the rest.

        Raises:
            ClusterError: images are missing; the text names them and the command that publishes them.
        """
        if self.on_this_machine:
            names = plan(self.settings, PARTS).images
            registry.require({name: images.reference(name, self.settings.registry) for name in names})

    def kubectl(self) -> Kubectl:
        """Return kubectl on the stack's cluster.

        Raises:
            TypeError: the stack creates its cluster, which this machine may not reach.
        """
        cluster = self.settings.cluster
        if self.kubeconfig is None or isinstance(cluster, EksSettings):
            raise TypeError(f"stack {self.engine.stack} creates its cluster")
        return Kubectl(kubeconfig=self.kubeconfig, context=cluster.context)

    def connect(self) -> Engine:
        """Return the engine, ready to use a cluster that accepts connections.

        Raises:
            InfraError: the kubeconfig cannot be used, or nothing accepts connections at its address.
        """
        engine, cluster = self.engine, self.settings.cluster
        if isinstance(cluster, EksSettings):
            # The program creates the cluster; its kubeconfig never leaves the engine.
            return engine
        if cluster.kubeconfig is None:
            kubeconfig = Path(self.instance.endpoints().kubeconfig)
            engine = replace(engine, kubeconfig=kubeconfig)
            fix = f"run `python -m cluster up --name {self.instance.name}`"
        else:
            kubeconfig, fix = Path(cluster.kubeconfig).expanduser(), "correct plinth:cluster.kubeconfig"
        address = _server(kubeconfig, cluster.context)
        parts = urlsplit(address)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS).close()
        except (OSError, ValueError) as error:
            raise InfraError(
                f"the cluster of {kubeconfig} does not answer at {address} ({error}): {fix}"
            ) from None
        return engine


def _engine(stack: str, chosen: Settings, instance: Instance) -> Engine:
    """Return the stack's engine; the state of a cluster instance is deleted together with the instance."""
    folder = cache_root() / "stacks" / stack
    if isinstance(chosen.cluster, EksSettings):
        backend = os.environ.get("PULUMI_BACKEND_URL")
        return Engine(stack=stack, folder=folder, backend=backend, downloads=True)
    if chosen.cluster.kubeconfig is not None:
        kubeconfig = Path(chosen.cluster.kubeconfig).expanduser()
        return Engine(stack=stack, folder=folder, kubeconfig=kubeconfig)
    return Engine(stack=stack, folder=instance.folder / "pulumi", kubeconfig=instance.kubeconfig)


def _server(kubeconfig: Path, context: str | None) -> str:
    """Return the API server's address in a kubeconfig."""
    try:
        content: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        contexts = {each["name"]: each["context"] for each in content["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in content["clusters"]}
        return clusters[contexts[context or content["current-context"]]["cluster"]]["server"]
    except FileNotFoundError:
        raise InfraError(f"kubeconfig {kubeconfig} does not exist: set plinth:cluster.kubeconfig") from None
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        what = context or "its current context"
        raise InfraError(
            f"kubeconfig {kubeconfig} has no server for {what} ({error!r}): correct it"
        ) from None
