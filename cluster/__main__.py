"""`python -m cluster up|down|status|logs|hold|images|prerequisites`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from cluster import lock, namespaces, prerequisites
from cluster.addons import addons, public_images
from cluster.choice import choose
from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.native import NativeCluster, uptime
from terminal import failures
from terminal.progress import Progress
from upstream.cache import UpstreamError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        default = os.environ.get("PLINTH_INSTANCE") or "default"
        sub.add_argument("--name", default=default, help="which instance (default: %(default)s)")
        return sub

    up = command("up", "start the cluster, or heal it; a healthy one is left alone")
    down = command("down", "remove the cluster, its data and everything else it left on this machine")
    for sub in (up, down):
        sub.add_argument(
            "--kind", default=os.environ.get("CLUSTER") or "auto", help="auto, native, kind, existing"
        )
        sub.add_argument(
            "--kubeconfig",
            default=os.environ.get("PLINTH_KUBECONFIG"),
            help="kubeconfig of an existing cluster",
        )
    for port in ("gateway", "api", "registry"):
        up.add_argument(f"--{port}-port", type=int, help=f"loopback port of the {port} (default: a free one)")
    command("status", "show the processes and report faults; exit 1 if there are any")
    logs = command("logs", "print the end of the processes' logs")
    logs.add_argument("process", nargs="?", help="one process (default: all)")
    logs.add_argument("--lines", type=int, default=20)
    hold = command("hold", "run a command under the instance's lock")
    hold.add_argument("label", help="name of the command, shown to others who find the instance locked")
    hold.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    commands.add_parser(
        "images",
        help="print NAME=REFERENCE of every image that a native cluster starts with or answers",
    )
    commands.add_parser("prerequisites", help="check this machine; install missing Debian packages")
    return parser


def _up(options: argparse.Namespace) -> int:
    started = time.monotonic()
    requested = {
        what: port
        for what in ("gateway", "api", "registry")
        if (port := getattr(options, f"{what}_port")) is not None
    }
    cluster = choose(options.kind, options.name, options.kubeconfig, requested, Progress("cluster").line)
    with lock.held_or_inherited(Instance(options.name), "python -m cluster up"):
        endpoints = cluster.create()
    print(f"cluster {options.name!r} is ready ({time.monotonic() - started:.1f} s)")
    for what, value in vars(endpoints).items():
        print(f"  {what:<11}{value}")
    return 0


def _down(options: argparse.Namespace) -> int:
    cluster = choose(options.kind, options.name, options.kubeconfig, {}, Progress("cluster").line)
    with lock.held_or_inherited(Instance(options.name), "python -m cluster down"):
        cluster.delete()
    print(f"cluster {options.name!r} is gone")
    return 0


def _status(options: argparse.Namespace) -> int:
    instance = Instance(options.name)
    faults = NativeCluster(options.name).faults()
    status = namespaces.read_status(instance)
    if status is not None and namespaces.holder(instance) is not None:
        print(f"cluster {options.name!r}, up {uptime(status.started)}")
        for name, entry in status.processes.items():
            past = f", {entry['restarts']} restarts (last: {entry['last_exit']})" if entry["restarts"] else ""
            print(f"  {name:<26}{entry['state']}{past}")
    for fault in faults:
        print(f"fault: {fault}")
    return 1 if faults else 0


def _logs(options: argparse.Namespace) -> int:
    folder = Instance(options.name).logs
    names = [options.process] if options.process else sorted(path.stem for path in folder.glob("*.log"))
    for name in names:
        path = folder / f"{name}.log"
        if not path.is_file():
            known = (
                ", ".join(sorted(path.stem for path in folder.glob("*.log")))
                or "none: the cluster was never up"
            )
            raise ClusterError(f"no log of {name!r} in cluster {options.name!r}; there are: {known}")
        print(f"==> {name}")
        print("\n".join(path.read_text(errors="replace").splitlines()[-options.lines :]))
    return 0


def _hold(options: argparse.Namespace) -> int:
    argv: Sequence[str] = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        raise ClusterError('hold needs a command: python -m cluster hold "LABEL" -- COMMAND')
    return lock.run_held(Instance(options.name), options.label, argv)


def _prerequisites(_: argparse.Namespace) -> int:
    prerequisites.ensure(Progress("cluster").line)
    return 0


def _images(_: argparse.Namespace) -> int:
    for name, reference in (*addons.images().items(), *public_images.references()):
        print(f"{name}={reference}")
    return 0


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    actions = {
        "up": _up,
        "down": _down,
        "status": _status,
        "logs": _logs,
        "hold": _hold,
        "images": _images,
        "prerequisites": _prerequisites,
    }
    try:
        return actions[options.command](options)
    except (ClusterError, UpstreamError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; run the same command again to go on", file=sys.stderr)
    return 1


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
