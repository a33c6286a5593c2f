"""`python -m simulation.laptop hold COMMAND`: run a command while a platform without a cluster exists."""

import argparse
import sys

from images import ImagesError
from simulation.laptop import hold
from terminal import failures
from upstream.cache import UpstreamError
from workloads.errors import WorkloadsError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulation.laptop", description=__doc__)
    subs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sub = subs.add_parser("hold", help="run a command while the platform exists")
    sub.add_argument("--stay", action="store_true", help="go on after the command, until Ctrl-C")
    sub.add_argument(
        "argv",
        nargs="+",
        metavar="COMMAND",
        help=f"{hold.ENDPOINTS} in it becomes the file with the endpoints",
    )
    options = parser.parse_args(arguments)
    try:
        return hold.hold(options.argv, stay=options.stay)
    except (ImagesError, UpstreamError, WorkloadsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted; nothing is left running\n")
        return 130


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
