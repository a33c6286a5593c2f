"""`python -m simulation.aws preview|bench-plan`: stacks on AWS with a simulated provider."""

import argparse
import sys

from infra import changes
from infra.errors import InfraError
from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from simulation.aws import bench_plan
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
    sub = subs.add_parser("preview", help="show what `up` would create in an empty account")
    sub.add_argument("--stack", required=True, help="which file of stacks/")
    subs.add_parser("bench-plan", help="measure planning with 1, 10 and 100 pools and teams")
    options = parser.parse_args(arguments)
    if options.command == "bench-plan":
        return bench_plan.main()
    try:
        return _preview(options.stack)
    except (InfraError, UpstreamError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
