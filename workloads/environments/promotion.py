"""`python -m workloads promote MODEL VERSION --to STACK`: serve on one platform what is proven on another."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from workloads import model_names, rollouts
from workloads.endpoints import Endpoints
from workloads.environments import version_copy
from workloads.errors import WorkloadsError
from workloads.tracking import connect


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("model", metavar="MODEL", help="registered model")
    command.add_argument("version", metavar="VERSION", help="number of its version")
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--to", metavar="STACK", help="stack of the platform that shall serve it")
    target.add_argument("--to-endpoints", metavar="FILE", help="file with that stack's outputs")
    command.add_argument("--to-team", metavar="TEAM", default="", help="team of that stack")
    rollouts.add_options(command)


def run(source: Endpoints, options: argparse.Namespace) -> int:
    """Copy a version to the target, ask for its rollout there, and return the exit code.

    Raises:
        WorkloadsError: the version cannot be promoted, or its rollout was refused or rolled back.
    """
    model_name, version = model_names.checked(options.model), rollouts.checked_version(options.version)
    rollouts.parse_steps(options.steps)
    target = (
        Endpoints.from_file(Path(options.to_endpoints), options.to_team)
        if options.to_endpoints
        else Endpoints.of_stack(options.to, options.to_team)
    )
    _refuse_same(source, target)
    origin = f"{source.gateway_domain if options.endpoints else options.stack}/{model_name}/{version}"
    with TemporaryDirectory() as folder:
        # One after the other: a process can use one MLflow at a time.
        copy = version_copy.fetch(connect(source), model_name, version, Path(folder))
        print(f"model      {model_name} version {version}, digest {copy.digest}", flush=True)
        made = version_copy.store(connect(target), copy, origin)
    print(f"promoted   as version {made}, with the same digest", flush=True)
    why = f": {options.reason}" if options.reason else ""
    return rollouts.roll_out(target, model_name, made, options, reason=f"promotion of {origin}{why}")


def _refuse_same(source: Endpoints, target: Endpoints) -> None:
    places = [(each.url(each.tracking_host), each.tracking_host) for each in (source, target)]
    if places[0] == places[1]:
        raise WorkloadsError(
            f"source and target are one MLflow, {target.tracking_host}: give another platform or team"
        )
