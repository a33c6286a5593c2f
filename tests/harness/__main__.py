"""`python -m tests.harness verify|bench|nightly`: prove, measure, or both by night, with evidence."""

import argparse
import sys
from pathlib import Path

import pytest

from tests.harness.verification import Verification
from upstream.cache import cache_root

_JOURNEYS = {"all": "e2e", "quick": "e2e and not slow", "slow": "e2e and slow"}


def _verify(options: argparse.Namespace) -> int:
    """Run journeys against the running platform, to the first broken promise unless told otherwise."""
    reports: Path = options.reports or cache_root() / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    arguments = [
        "-q",
        *([] if options.keep_going else ["-x"]),
        "-m",
        _JOURNEYS[options.only],
        "--running-platform",
        f"--junitxml={reports / 'verify.xml'}",
        "tests/e2e",
    ]
    return int(pytest.main(arguments, plugins=[Verification(reports / "verify.json")]))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="assert every promise on the running platform")
    verify.add_argument("--only", choices=list(_JOURNEYS), default="all", help="slow ones train and break")
    verify.add_argument("--keep-going", action="store_true", help="also after a broken promise")
    verify.add_argument("--reports", type=Path, help="folder of the JSON and JUnit (default: in the cache)")
    commands.add_parser("bench", help="measure memory, seconds and requests per second")
    nightly = commands.add_parser("nightly", help="up, verify, load, faults, down, and a page of evidence")
    nightly.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.command == "verify":
        return _verify(options)
    if options.command == "nightly":
        from tests.harness.nightly import main as night

        return night(options.run)
    from tests.harness.bench import main as bench

    return bench()


if __name__ == "__main__":
    sys.exit(main())
