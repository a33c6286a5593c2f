"""`python -m upstream build|modules|list|tidy`: build or download upstream projects, or list the cache."""

import argparse
import sys
from functools import partial

from terminal import failures
from terminal.progress import TaskProgress
from upstream import batch, build, go, modules, recipe
from upstream.cache import UpstreamError


def _build(names: list[str], *, everything: bool) -> None:
    projects = [recipe.load(name) for name in names] or [
        project for project in recipe.all_projects() if everything or not project.on_demand
    ]
    # Without names downloads cover all: a preview of any stack reads manifests, and needs no program.
    if not batch.build_missing(projects, ahead=() if names else recipe.all_projects()):
        print(f"upstream: {len(projects)} projects, all cached")


def _modules(names: list[str]) -> None:
    projects = [recipe.load(name) for name in names] or recipe.all_projects()
    missing = [project for project in projects if not modules.is_downloaded(project)]
    if not missing:
        return
    progress = TaskProgress("modules", [project.name for project in missing])
    for project in missing:
        progress.run(project.name, partial(modules.download, project))


def _list() -> None:
    for project in recipe.all_projects():
        state = "cached" if build.is_built(project) else "missing"
        programs = ", ".join(program.name for program in project.programs) or "manifests only"
        print(f"{project.name:24} {project.key(go.go_version())} {state:8} {programs}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m upstream", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build projects that are not cached")
    building.add_argument("project", nargs="*")
    building.add_argument(
        "--all", action="store_true", help="include the projects that only some stacks need"
    )
    reading = commands.add_parser("modules", help="download the modules whose manifests are read")
    reading.add_argument("project", nargs="*")
    commands.add_parser("list", help="list each project, its content key and whether it is cached")
    commands.add_parser("tidy", help="delete Go's build and module caches of the builds")
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "build":
                _build(options.project, everything=options.all)
            case "modules":
                _modules(options.project)
            case "list":
                _list()
            case _:
                print(f"upstream: freed {build.tidy() / 1e9:.1f} GB")
    except UpstreamError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
