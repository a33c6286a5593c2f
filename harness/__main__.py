"""`python -m harness COMMAND`: prove and measure."""

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.verification import Verification
from terminal import failures
from upstream.cache import cache_root

_REPOSITORY = Path(__file__).parents[1]
_SCALE = ("models", "predictors", "tracking", "pipelines")


@dataclass(frozen=True, kw_only=True)
class _Selection:
    """Tests of one kind of `verify` run, and the name of its reports."""

    marks: str
    folder: str = "tests/e2e"
    reports: str = "verify"


_SELECTIONS = {
    "all": _Selection(marks="e2e"),
    "quick": _Selection(marks="e2e and not slow"),
    "slow": _Selection(marks="e2e and slow and not fault"),
    "faults": _Selection(marks="e2e and fault"),
    "teams": _Selection(marks="e2e and teams", reports="teams"),
    "pipelines": _Selection(marks="e2e and pipelines", reports="pipelines"),
    "conformance": _Selection(marks="conformance", folder="tests/conformance", reports="conformance"),
    "gpus": _Selection(marks="gpu_sim", folder="tests/gpu_sim", reports="gpu-sim"),
}


def _verify(options: argparse.Namespace) -> int:
    """Run journeys on the running platform, up to the first failure unless --keep-going is given."""
    if options.endpoints:
        os.environ["PLINTH_ENDPOINTS"] = str(options.endpoints.resolve())
    reports: Path = options.reports or cache_root() / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    chosen = _SELECTIONS[options.only]
    arguments = [
        "-q",
        *([] if options.keep_going else ["-x"]),
        "-m",
        chosen.marks,
        "--running-platform",
        f"--stack={options.stack}",
        f"--junitxml={reports / f'{chosen.reports}.xml'}",
        # From any folder: pytest takes its settings from above its tests.
        str(_REPOSITORY / chosen.folder),
    ]
    return int(pytest.main(arguments, plugins=[Verification(reports / f"{chosen.reports}.json")]))


def _load(options: argparse.Namespace) -> int:
    """Train a model on the running platform and gate it under load."""
    from cluster.instance import Instance
    from harness.load.gated_run import main as gate
    from workloads.endpoints import Endpoints
    from workloads.errors import WorkloadsError

    # MLflow reports usage by default.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # However it is ended, the candidate is withdrawn and a report is written.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        endpoints = Endpoints.of_stack("local")
        instance = Instance(os.environ.get("PLINTH_INSTANCE", "default"))
        return gate(endpoints, instance, options.data, cache_root() / "reports" / "load.json")
    except WorkloadsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130


def _bench(options: argparse.Namespace) -> int:
    """Measure an instance of its own, or how the running platform grows."""
    if options.command == "bench-scale":
        from harness.bench.scale.run import main as scale

        return scale(options.stack, options.only, options.endpoints)
    from harness.bench.run import main as bench

    return bench()


def _on_aws(options: argparse.Namespace) -> int:
    """Run a command about a stack on AWS."""
    if options.command == "rehearse":
        from harness.rehearsal.run import main as rehearse

        return rehearse(options.stack, options.stand_in)
    if options.command == "tunnel":
        from harness.rehearsal.tunnel import main as tunnel

        return tunnel(options.stack, options.argv)
    from harness.rehearsal.gpu_pod import main as gpu_pod

    return gpu_pod(options.stack)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="test every promise on the running platform")
    verify.add_argument(
        "--only",
        choices=list(_SELECTIONS),
        default="all",
        help="slow: trains, rolls out, retrains; faults: injects faults; teams: two teams and a login; "
        "pipelines: every reference pipeline; conformance: unmodified clients; gpus: as `make gpu-sim`",
    )
    verify.add_argument("--stack", default="local", help="stack of the platform (default: %(default)s)")
    verify.add_argument("--keep-going", action="store_true", help="continue after a failure")
    verify.add_argument("--reports", type=Path, help="folder for the JSON and JUnit (default: in the cache)")
    verify.add_argument(
        "--endpoints", type=Path, help="file with a stack's outputs (default: those of the local stack)"
    )
    load = commands.add_parser(
        "load", help="train a model, load it, and promote it only if it meets its service levels"
    )
    load.add_argument("--data", default="wine", help="wine, breast_cancer or s3://bucket/key.csv")
    commands.add_parser("bench", help="measure memory, seconds and requests per second")
    scale = commands.add_parser("bench-scale", help="measure many runs, models and served models")
    scale.add_argument("--stack", default="local", help="a running stack (default: %(default)s)")
    scale.add_argument("--endpoints", type=Path, help="file with its outputs (default: ask infra)")
    scale.add_argument("--only", nargs="+", default=[], choices=_SCALE, help="stages (default: all)")
    figures = commands.add_parser("figures", help="print README's table of figures, made from docs/figures")
    figures.add_argument("--write", action="store_true", help="also put it into README")
    nightly = commands.add_parser(
        "nightly", help="up, verify, load, slow journeys, faults, down, and an evidence page"
    )
    nightly.add_argument("--run", help=argparse.SUPPRESS)
    rehearse = commands.add_parser("rehearse", help="a stack on AWS from nothing to a prediction and back")
    rehearse.add_argument("--stack", required=True, help="a stack on AWS that does not exist yet")
    rehearse.add_argument("--stand-in", type=Path, help="folder of a simulated account; default: the account")
    tunnel = commands.add_parser("tunnel", help="run a command while this machine forwards to a gateway")
    tunnel.add_argument("--stack", required=True, help="a running stack")
    tunnel.add_argument("argv", nargs="+", metavar="COMMAND", help="{endpoints} in it becomes a file")
    device = commands.add_parser("gpu-pod", help="run nvidia-smi in a pod of a team that has GPUs")
    device.add_argument("--stack", required=True, help="a running stack")
    options = parser.parse_args(arguments)
    if options.command in ("rehearse", "tunnel", "gpu-pod"):
        return _on_aws(options)
    if options.command == "verify":
        return _verify(options)
    if options.command == "nightly":
        from harness.night.nightly import main as night

        return night(options.run)
    if options.command == "load":
        return _load(options)
    if options.command == "figures":
        from harness import published_figures

        return published_figures.main(write=options.write)
    return _bench(options)


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
