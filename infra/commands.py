"""`python -m infra COMMAND --stack STACK`: run the engine on a stack, or tell of it."""

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cluster.errors import ClusterError
from cluster.instance import Endpoints, Instance
from components import images
from components.images import ImageError
from components.versions import VersionError
from infra.account import cost, cost_report
from infra.account import demand as aws_demand
from infra.account import prices as aws_prices
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


def _engine(stack: str, chosen: Settings, instance: Instance) -> Engine:
    """Return the stack's engine: the state of a cluster that we started goes when the cluster goes."""
    folder = cache_root() / "stacks" / stack
    if isinstance(chosen.cluster, EksSettings):
        backend = os.environ.get("PULUMI_BACKEND_URL")
        return Engine(stack=stack, folder=folder, backend=backend, downloads=True)
    if chosen.cluster.kubeconfig is not None:
        kubeconfig = Path(chosen.cluster.kubeconfig).expanduser()
        return Engine(stack=stack, folder=folder, kubeconfig=kubeconfig)
    return Engine(stack=stack, folder=instance.folder / "pulumi", kubeconfig=instance.kubeconfig)


def _reached(engine: Engine, chosen: Settings, instance: Instance) -> Engine:
    """Return the engine with the kubeconfig to use, once the cluster answers.

    Raises:
        InfraError: the kubeconfig cannot be used, or nothing answers at its address.
    """
    if isinstance(chosen.cluster, EksSettings):
        # The program makes the cluster; its kubeconfig never leaves the engine.
        return engine
    if chosen.cluster.kubeconfig is None:
        kubeconfig = Path(instance.endpoints().kubeconfig)
        engine = Engine(stack=engine.stack, folder=engine.folder, kubeconfig=kubeconfig)
        fix = f"run `python -m cluster up --name {instance.name}`"
    else:
        kubeconfig, fix = Path(chosen.cluster.kubeconfig).expanduser(), "correct plinth:cluster.kubeconfig"
    address = _server(kubeconfig, chosen.cluster.context)
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
    """Run the engine with a line per finished component; end with a summary or the errors."""
    progress = events.Progress()
    seen: list[dict[str, Any]] = []

    # A terminal also gets a last line that changes; a file would only grow by it.
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
    print(f"error: {command} failed{more}; all of it is in {log}", file=sys.stderr)
    return 1


def _destroy(engine: Engine, chosen: Settings, instance: Instance) -> int:
    if not engine.exists():
        print(f"destroy {engine.stack}: nothing is installed")
        return 0
    if _on_this_machine(chosen) and not instance.endpoints_file.exists():
        # Objects of a cluster that is down are in its data folder, which `cluster down` deletes.
        print(f"destroy {engine.stack}: cluster {instance.name!r} is not up; its objects go with it")
        return 0
    engine = _reached(engine, chosen, instance)
    engine.prepare()
    return run_engine(engine, "destroy")


def _on_this_machine(chosen: Settings) -> bool:
    """Return whether the stack's cluster is the one that `python -m cluster` starts."""
    return isinstance(chosen.cluster, ClusterSettings) and chosen.cluster.kubeconfig is None


def _kubeconfig(engine: Engine) -> str | None:
    """Write the kubeconfig of a cluster that the stack made; return its path."""
    content = engine.secret_output("kubeconfig")
    if content is None:
        return None
    path = engine.folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


def _outputs(engine: Engine, chosen: Settings, instance: Instance) -> int:
    found = engine.outputs()
    if isinstance(chosen.cluster, EksSettings):
        found["kubeconfig"] = _kubeconfig(engine)
    elif chosen.cluster.kubeconfig is None:
        endpoints: Endpoints = instance.endpoints()
        found |= {"kubeconfig": endpoints.kubeconfig, "gateway_url": endpoints.gateway}
    else:
        found["kubeconfig"] = str(Path(chosen.cluster.kubeconfig).expanduser())
    print(json.dumps(found, indent=1, sort_keys=True))
    return 0


def _cost(options: argparse.Namespace, chosen: Settings) -> int:
    if options.table:
        print(cost_report.table(_estimates()))
        return 0
    demand = aws_demand.of(chosen, options.stack)
    prices = aws_prices.load(demand.region)
    if options.json:
        print(json.dumps(cost_report.summary(options.stack, demand, prices), indent=1))
    else:
        print(cost_report.text(options.stack, demand, prices))
    return 0


def _estimates() -> dict[str, tuple[cost.Line, ...]]:
    """Return what every stack on AWS costs, the cheapest first."""
    chosen = {stack: stack_file.settings(stack) for stack in stack_file.names()}
    found: dict[str, tuple[cost.Line, ...]] = {}
    for stack, each in chosen.items():
        if isinstance(each.cluster, EksSettings):
            demand = aws_demand.of(each, stack)
            found[stack] = cost.lines(demand, aws_prices.load(demand.region))
    return dict(sorted(found.items(), key=lambda item: cost.total(item[1])))


def _preflight(stack: str, chosen: Settings) -> int:
    # The AWS SDK takes half a second to import, which no other command should wait for.
    from infra.account import preflight, session

    demand = aws_demand.of(chosen, stack)
    report = preflight.run(demand, session.connect(demand.region))
    print(preflight.table(stack, report))
    return 1 if report.failures else 0


def _tell(options: argparse.Namespace, chosen: Settings) -> int:
    """Answer what needs neither the engine nor a cluster."""
    if options.command == "preflight":
        return _preflight(options.stack, chosen)
    if options.command == "cost":
        return _cost(options, chosen)
    for name in plan(chosen, PARTS).images:
        if images.is_own(name) or not options.own:
            print(f"{name}={images.reference(name, chosen.registry)}")
    return 0


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "schema":
        print(json.dumps(reader.schema(SECRET_KEYS), indent=2))
        return 0
    chosen = stack_file.settings(options.stack)
    plan(chosen, PARTS)
    if options.command in ("cost", "images", "preflight"):
        return _tell(options, chosen)
    instance = Instance(options.name)
    engine = _engine(options.stack, chosen, instance)
    if options.command == "destroy":
        return _destroy(engine, chosen, instance)
    if options.command == "outputs":
        return _outputs(engine, chosen, instance)
    engine = _reached(engine, chosen, instance)
    engine.prepare()
    strict = ["--expect-no-changes"] if options.expect_no_changes else []
    return run_engine(engine, options.command, *strict)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in {
        "up": "install the platform, or bring it up to date",
        "preview": "show what `up` would change",
        "destroy": "delete everything that `up` installed",
        "outputs": "print the stack's outputs and where this machine reaches it, as JSON",
        "images": "print NAME=REFERENCE of every image that the stack uses",
        "preflight": "ask AWS whether the account has all that a stack needs; changes nothing",
        "cost": "estimate what a stack on AWS costs in a month, by component",
        "schema": "print the JSON schema of stack files",
    }.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--stack", default="local", help="which file of stacks/ (default: %(default)s)")
        sub.add_argument(
            "--name", default=os.environ.get("PLINTH_INSTANCE") or "default", help="cluster instance"
        )
        if name == "images":
            sub.add_argument("--own", action="store_true", help="only those that no public registry holds")
        if name == "cost":
            sub.add_argument("--json", action="store_true", help="for a program to read")
            sub.add_argument("--table", action="store_true", help="every stack on AWS, in Markdown")
        if name in ("up", "preview"):
            sub.add_argument("--expect-no-changes", action="store_true", help="fail if anything changes")
    try:
        return _dispatch(parser.parse_args(arguments))
    except (InfraError, ClusterError, UpstreamError, ImageError, VersionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to go on", file=sys.stderr)
    return 1
