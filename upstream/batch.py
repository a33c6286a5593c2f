"""Builds several projects: what they share once, and downloads ahead of builds."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from terminal.progress import TaskProgress
from upstream import build, modules, recipe


def build_missing(projects: Sequence[recipe.Project], *, ahead: Iterable[recipe.Project] = ()) -> int:
    """Build those of some projects that are not cached; return how many they were.

    Args:
        projects: What to build.
        ahead: More projects whose modules to download.

    Raises:
        UpstreamError: a build or a download failed; the others have ended by then.
    """
    missing = [project for project in projects if not build.is_built(project)]
    progress = TaskProgress("build", [project.name for project in missing])

    def one(project: recipe.Project) -> None:
        try:
            build.build(project, on_start=lambda: progress.start(project.name))
        except BaseException:
            progress.done(project.name, "failed")
            raise
        progress.done(project.name, "built")

    # Concurrent builds compile twice what both need, so projects that share most are built in turn.
    families: dict[str, list[recipe.Project]] = {}
    for project in missing:
        families.setdefault(project.family, []).append(project)

    def in_turn(family: list[recipe.Project]) -> None:
        for project in family:
            one(project)

    # Downloads run ahead of the builds, so that no build holds a CPU while it waits for the network.
    downloads = {project.name: project for project in (*projects, *ahead)}
    with ThreadPoolExecutor(1) as network, ThreadPoolExecutor(build.SLOTS) as pool:
        futures = [network.submit(modules.download, project) for project in downloads.values()]
        longest_first = sorted(families.values(), key=lambda family: -sum(p.expected_seconds for p in family))
        futures += [pool.submit(in_turn, family) for family in longest_first]
    for failure in filter(None, [future.exception() for future in futures]):
        raise failure
    return len(missing)
