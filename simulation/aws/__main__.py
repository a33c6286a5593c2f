"""`python -m simulation.aws preview|up|destroy|hold|bench-plan`: stacks on AWS with a simulated provider."""

import argparse
import sys
from pathlib import Path

from infra import changes
from infra.errors import InfraError
from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from simulation.aws import bench_plan, stand_in
from simulation.aws.simulation import simulated
from terminal import failures
from upstream.cache import UpstreamError, cache_root


def _preview(stack: str) -> int:
    """Show what `up` would create in an empty account."""
    cluster = stack_file.settings(stack).cluster
    if not isinstance(cluster, EksSettings):
        raise InfraError(f"--stack {stack}: not on AWS; run `python -m infra preview --stack {stack}`")
    with simulated(stack, cache_root() / "simulated" / stack) as simulation:
        simulation.engine.prepare()
        code = changes.run_engine(simulation.engine, "preview")
    print(f"simulated, without AWS; SIMULATE=0 plans with your credentials for {cluster.account}")
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulation.aws", description=__doc__)
    subs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in stand_in.COMMANDS:
        sub = subs.add_parser(command, help=f"run `{command}` on a simulated account")
        sub.add_argument("--stack", required=True, help="which file of stacks/")
        sub.add_argument(
            "--at",
            type=Path,
            help="folder of the account that `hold` created (preview: default an empty one)",
        )
        sub.add_argument("--expect-no-changes", action="store_true", help="fail if anything changes")
    sub = subs.add_parser("hold", help="run a command while an empty simulated account exists")
    sub.add_argument(
        "argv", nargs="+", metavar="COMMAND", help=f"{stand_in.FOLDER} in it becomes --at's folder"
    )
    subs.add_parser("bench-plan", help="measure planning with 1, 10 and 100 pools and teams")
    options = parser.parse_args(arguments)
    if options.command == "bench-plan":
        return bench_plan.main()
    try:
        if options.command == "hold":
            return stand_in.hold(options.argv, cache_root() / "simulated")
        if options.at is not None:
            arguments = ["--expect-no-changes"] if options.expect_no_changes else []
            return stand_in.run(options.command, options.stack, options.at, *arguments)
        if options.command != "preview":
            raise InfraError(f"{options.command}: --at is missing: it names the folder of an account")
        return _preview(options.stack)
    except (InfraError, UpstreamError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
