"""`python -m tests.harness verify|bench`: prove, or measure, the running platform."""

import argparse
import sys

import pytest

from tests.harness.verification import Verification
from upstream.cache import cache_root


def _verify() -> int:
    """Run every journey against the running platform, stopping at the first broken promise."""
    reports = cache_root() / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    arguments = [
        "-q",
        "-x",
        "-m",
        "e2e",
        "--running-platform",
        f"--junitxml={reports / 'verify.xml'}",
        "tests/e2e",
    ]
    return int(pytest.main(arguments, plugins=[Verification(reports / "verify.json")]))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    parser.add_argument("command", choices=["verify", "bench"])
    options = parser.parse_args(arguments)
    if options.command == "verify":
        return _verify()
    from tests.harness.bench import main as bench

    return bench()


if __name__ == "__main__":
    sys.exit(main())
