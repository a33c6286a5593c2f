"""Command line `python -m infra COMMAND --stack STACK`: runs Pulumi on a stack, or reports on it."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cluster.errors import ClusterError
from cluster.instance import Instance
from components import images
from components.images import ImageError
from components.versions import VersionError
from infra.account import cost, cost_report
from infra.account.demand import demand_of
from infra.account.prices import load_prices
from infra.engine import events
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.parts import PARTS, SECRET_KEYS
from infra.parts.plan import plan
from infra.settings import reader, stack_file
from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.stack import Settings
from upstream.cache import UpstreamError, cache_root

_CONNECT_SECONDS = 5.0
_CLEAR_LINE = "\r\x1b[K"
_TERMINAL_COLUMNS = 79
_ERRORS_SHOWN = 3


def _settings(stack: str) -> Settings:
    """Return the checked settings of a stack whose parts fit together."""
    settings = stack_file.settings(stack)
    plan(settings, PARTS)
    return settings


@dataclass(frozen=True, kw_only=True)
class _Stack:
    """A stack, the engine that deploys it, and the cluster instance of this machine."""

    settings: Settings
    engine: Engine
    instance: Instance

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> "_Stack":
        settings = _settings(options.stack)
        instance = Instance(options.name)
        return cls(settings=settings, engine=_engine(options.stack, settings, instance), instance=instance)

    @property
    def on_this_machine(self) -> bool:
        """Whether the stack's cluster is the one that `python -m cluster` starts."""
        return isinstance(self.settings.cluster, ClusterSettings) and self.settings.cluster.kubeconfig is None


def _engine(stack: str, settings: Settings, instance: Instance) -> Engine:
    """Return the stack's engine; the state of a cluster instance is deleted together with the instance."""
    folder = cache_root() / "stacks" / stack
    if isinstance(settings.cluster, EksSettings):
        backend = os.environ.get("PULUMI_BACKEND_URL")
        return Engine(stack=stack, folder=folder, backend=backend, downloads=True)
    if settings.cluster.kubeconfig is not None:
        kubeconfig = Path(settings.cluster.kubeconfig).expanduser()
        return Engine(stack=stack, folder=folder, kubeconfig=kubeconfig)
    return Engine(stack=stack, folder=instance.folder / "pulumi", kubeconfig=instance.kubeconfig)


def _connect(stack: _Stack) -> Engine:
    """Return the engine, ready to use a cluster that accepts connections.

    Raises:
        InfraError: the kubeconfig cannot be used, or nothing accepts connections at its address.
    """
    engine, cluster = stack.engine, stack.settings.cluster
    if isinstance(cluster, EksSettings):
        # The program creates the cluster; its kubeconfig never leaves the engine.
        return engine
    if cluster.kubeconfig is None:
        kubeconfig = Path(stack.instance.endpoints().kubeconfig)
        engine = replace(engine, kubeconfig=kubeconfig)
        fix = f"run `python -m cluster up --name {stack.instance.name}`"
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


def _server(kubeconfig: Path, context: str | None) -> str:
    """Return the API server's address in a kubeconfig."""
    try:
        content: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        contexts = {each["name"]: each["context"] for each in content["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in content["clusters"]}
        return clusters[contexts[context or content["current-context"]]["cluster"]]["server"]
    except FileNotFoundError:
        raise InfraError(f"kubeconfig {kubeconfig} does not exist: set plinth:cluster.kubeconfig") from None
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        what = context or "its current context"
        raise InfraError(
            f"kubeconfig {kubeconfig} has no server for {what} ({error!r}): correct it"
        ) from None


def run_engine(engine: Engine, command: str, *arguments: str) -> int:
    """Run Pulumi, printing a line per finished component; end with a summary or the errors."""
    progress = events.Progress()
    seen: list[dict[str, Any]] = []

    # Only a terminal gets a status line; in a file each update would be one more line.
    live = sys.stdout.isatty()

    def show(event: dict[str, Any]) -> None:
        seen.append(event)
        for line in progress.lines(event):
            print(f"{_CLEAR_LINE if live else ''}{line}", flush=True)
        if live:
            print(f"{_CLEAR_LINE}{progress.status()[:_TERMINAL_COLUMNS]}", end="", flush=True)

    code = engine.run(command, *arguments, on_event=show)
    if live:
        print(_CLEAR_LINE, end="")
    summary = events.summarise(seen)
    print(f"{command} {engine.stack}: {summary.text()}", flush=True)
    if code == 0:
        return 0
    output = engine.output_of(command)
    problem = engine.remedy(output)
    messages = [problem] if problem else list(summary.errors) or output.strip().splitlines()[-_ERRORS_SHOWN:]
    for message in messages[:_ERRORS_SHOWN]:
        print(f"error: {message}", file=sys.stderr)
    more = f", {len(messages) - _ERRORS_SHOWN} more errors" if len(messages) > _ERRORS_SHOWN else ""
    log = engine.folder / f"{command}.log"
    print(f"error: {command} failed{more}; the full log is {log}", file=sys.stderr)
    return 1


def _deploy(options: argparse.Namespace) -> int:
    engine = _connect(_Stack.from_options(options))
    engine.prepare()
    strict = ["--expect-no-changes"] if options.expect_no_changes else []
    return run_engine(engine, options.command, *strict)


def _destroy(options: argparse.Namespace) -> int:
    stack = _Stack.from_options(options)
    if not stack.engine.exists():
        print(f"destroy {options.stack}: nothing is installed")
        return 0
    if stack.on_this_machine and not stack.instance.endpoints_file.exists():
        # Objects of a stopped cluster are in its data folder, which `cluster down` deletes.
        print(f"destroy {options.stack}: cluster {options.name!r} is not up; its objects go with it")
        return 0
    engine = _connect(stack)
    engine.prepare()
    return run_engine(engine, "destroy")


def _outputs(options: argparse.Namespace) -> int:
    stack = _Stack.from_options(options)
    outputs, cluster = stack.engine.outputs(), stack.settings.cluster
    if isinstance(cluster, EksSettings):
        outputs["kubeconfig"] = _write_kubeconfig(stack.engine)
    elif cluster.kubeconfig is None:
        endpoints = stack.instance.endpoints()
        outputs |= {"kubeconfig": endpoints.kubeconfig, "gateway_url": endpoints.gateway}
    else:
        outputs["kubeconfig"] = str(Path(cluster.kubeconfig).expanduser())
    print(json.dumps(outputs, indent=1, sort_keys=True))
    return 0


def _write_kubeconfig(engine: Engine) -> str | None:
    """Write the kubeconfig of a cluster that the stack created; return its path."""
    content = engine.secret_output("kubeconfig")
    if content is None:
        return None
    path = engine.folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


def _images(options: argparse.Namespace) -> int:
    chosen = _settings(options.stack)
    for name in plan(chosen, PARTS).images:
        if images.is_own(name) or not options.own:
            print(f"{name}={images.reference(name, chosen.registry)}")
    return 0


def _preflight(options: argparse.Namespace) -> int:
    # The AWS SDK takes half a second to import, which no other command should wait for.
    from infra.account import preflight, session

    demand = demand_of(_settings(options.stack), options.stack)
    report = preflight.run(demand, session.connect(demand.region))
    print(preflight.table(options.stack, report))
    return 1 if report.failures else 0


def _cost(options: argparse.Namespace) -> int:
    if options.table:
        print(cost_report.table(_estimates()))
        return 0
    demand = demand_of(_settings(options.stack), options.stack)
    prices = load_prices(demand.region)
    if options.json:
        print(json.dumps(cost_report.summary(options.stack, demand, prices), indent=1))
    else:
        print(cost_report.text(options.stack, demand, prices))
    return 0


def _estimates() -> dict[str, tuple[cost.Line, ...]]:
    """Return the estimate of every stack on AWS, the cheapest first."""
    estimates: dict[str, tuple[cost.Line, ...]] = {}
    for stack in stack_file.names():
        settings = stack_file.settings(stack)
        if isinstance(settings.cluster, EksSettings):
            demand = demand_of(settings, stack)
            estimates[stack] = cost.lines(demand, load_prices(demand.region))
    return dict(sorted(estimates.items(), key=lambda item: cost.total(item[1])))


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(reader.schema(SECRET_KEYS), indent=2))
    return 0


_COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "up": (_deploy, "install or update the platform"),
    "preview": (_deploy, "show what `up` would change"),
    "destroy": (_destroy, "delete everything that `up` installed"),
    "outputs": (_outputs, "print the stack's outputs, its kubeconfig and its gateway's URL as JSON"),
    "images": (_images, "print NAME=REFERENCE of every image that the stack uses"),
    "preflight": (_preflight, "check that the AWS account has everything the stack needs; changes nothing"),
    "cost": (_cost, "estimate the monthly cost of a stack on AWS, by component"),
    "schema": (_schema, "print the JSON schema of stack files"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    default_name = os.environ.get("PLINTH_INSTANCE") or "default"
    for name, (_, text) in _COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--stack",
            default="local",
            help="stack file to use: stacks/Pulumi.STACK.yaml (default: %(default)s)",
        )
        sub.add_argument("--name", default=default_name, help="cluster instance (default: %(default)s)")
        if name == "images":
            sub.add_argument(
                "--own",
                action="store_true",
                help="only images that this repository builds and no public registry has",
            )
        if name == "cost":
            sub.add_argument("--json", action="store_true", help="print JSON")
            sub.add_argument(
                "--table", action="store_true", help="print a Markdown table of all stacks on AWS"
            )
        if name in ("up", "preview"):
            sub.add_argument("--expect-no-changes", action="store_true", help="fail if anything changes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    action, _ = _COMMANDS[options.command]
    try:
        return action(options)
    except (InfraError, ClusterError, UpstreamError, ImageError, VersionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to continue", file=sys.stderr)
    return 1
