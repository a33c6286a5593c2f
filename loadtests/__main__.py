"""`python -m loadtests run|profiles`: put load on this machine's platform and judge the results."""

# Must be the first import: gevent patches the standard library for everything imported after it.
import locust  # noqa: F401  # isort: skip  # pyright: ignore[reportUnusedImport]

import argparse
import logging
import sys
import time
from pathlib import Path

from delivery.verdict import Outcome, combine
from loadtests import expectations, profile, report, targets
from loadtests.errors import LoadtestError
from loadtests.platform_access import PlatformAccess
from loadtests.report import LoadReport
from loadtests.runner import Run
from terminal import failures
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("profiles", help="list the profiles")
    run = commands.add_parser("run", help="run profiles one after another; exit 0 only if all pass")
    run.add_argument("--profile", action="append", required=True, metavar="NAME|FILE")
    run.add_argument("--once", action="store_true", help="run every operation once instead of the shape")
    run.add_argument("--rate", type=float, help="first rate of the shape (default: the profile's)")
    run.add_argument("--model", default="wine", help="registered model")
    run.add_argument(
        "--service", default="", help="InferenceService of one version (default: whichever serves)"
    )
    run.add_argument("--alias", default="champion", help="alias that registry users resolve")
    run.add_argument("--expected", type=Path, metavar="FILE", help="JSON with digest, rows and probabilities")
    run.add_argument("--target", help="address of the gateway (default: that of the endpoints)")
    run.add_argument(
        "--own-address",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="private address of this machine's own cluster, allowed as a target besides loopback",
    )
    run.add_argument("--stack", default="local", help="stack of the platform")
    run.add_argument(
        "--endpoints", type=Path, metavar="FILE", help="file with the stack's outputs (default: ask infra)"
    )
    run.add_argument(
        "--report", type=Path, metavar="FILE", help="JSON report; JUnit is written next to it as .xml"
    )
    return parser.parse_args(arguments)


def _access(options: argparse.Namespace) -> PlatformAccess:
    if options.endpoints:
        endpoints = Endpoints.from_file(options.endpoints)
    else:
        endpoints = Endpoints.of_stack(options.stack)
    own = targets.private_addresses(options.own_address)
    return PlatformAccess(
        endpoints=endpoints,
        target=targets.permitted(options.target or endpoints.gateway_url, own),
        model=options.model,
        alias=options.alias,
        service=options.service,
        expected=expectations.read(options.expected) if options.expected else None,
    )


def _run(options: argparse.Namespace) -> int:
    # Check every input before the first request is sent.
    profiles = [profile.load(name) for name in options.profile]
    if options.rate is not None:
        profiles = [each.with_rate(options.rate) for each in profiles]
    access = _access(options)
    began = time.monotonic()
    runs = [
        Run(profile=each, access=access, stream=sys.stderr, once=options.once).report() for each in profiles
    ]
    verdict = combine({run.profile: run.verdict for run in runs})
    document = LoadReport(
        outcome=verdict.outcome,
        reasons=list(verdict.reasons),
        seconds=time.monotonic() - began,
        runs=runs,
    )
    if options.report:
        report.write(document, options.report)
    print("\n".join(report.table(runs)), flush=True)
    return 0 if verdict.outcome is Outcome.PASSED else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _options(arguments)
    # Locust warns about a busy processor; the verdict already says whether the generator kept up.
    logging.getLogger("locust").setLevel(logging.ERROR)
    try:
        if options.command == "profiles":
            for name in profile.names():
                print(f"{name:20}{profile.load(name).description}")
            return 0
        return _run(options)
    except (LoadtestError, WorkloadsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
