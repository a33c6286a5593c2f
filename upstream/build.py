"""Builds the programs of a project once and keeps them by content key."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

from upstream import go, modules, recipe
from upstream.cache import UpstreamError, build_cache, cache_root, locked

SLOTS = 2
# All builds share one Go build cache: half of what they compile is the same. It grows to about 13 GB. If the
# disk has less than this left, the rest of a first `make up` would not fit, so the next build starts a new
# cache, provided that deleting the old one frees enough.
_SPARE_BYTES = 8 * 1024**3
_WORTH_BYTES = 4 * 1024**3


def _output_folder(project: recipe.Project) -> Path:
    return cache_root() / "bin" / project.name / project.key(go.go_version())


def is_built(project: recipe.Project) -> bool:
    """Return whether every program and manifest of a project is in the cache."""
    folder = _output_folder(project)
    return all((folder / program.name).is_file() for program in project.programs) and modules.is_downloaded(
        project
    )


def binary(program: str) -> Path:
    """Return the path of a built program.

    Raises:
        UpstreamError: no recipe declares the program, or it is not built.
    """
    project = recipe.owner(program)
    path = _output_folder(project) / program
    if not path.is_file():
        raise UpstreamError(f"{program} is not built: run `python -m upstream build {project.name}`")
    return path


@contextlib.contextmanager
def _slot() -> Generator[None]:
    """Hold one of the build slots, which all processes share.

    If both are taken, wait for one of them, picked at random, until the kernel grants its lock.
    """
    folder = build_cache() / "slots"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS):
        with (folder / str(number)).open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield
            return
    number = time.monotonic_ns() // 1000 % SLOTS
    with locked(folder / str(number)):
        yield


@contextlib.contextmanager
def _go_cache() -> Generator[Path]:
    """Give the newest Go build cache, or a new one if the disk is nearly full.

    An older one is deleted after the last build that uses it: Go fails if entries vanish while it runs.
    """
    folder = build_cache() / "gocache"
    with contextlib.ExitStack() as use:
        with locked(folder / "lock"):
            newest = max(_generations(folder), default=0)
            if shutil.disk_usage(folder).free < _SPARE_BYTES:
                newest += _folder_bytes(folder / str(newest)) > _WORTH_BYTES
            cache = folder / str(newest)
            cache.mkdir(exist_ok=True)
            use.enter_context(locked(folder / f"{newest}.users", fcntl.LOCK_SH))
        yield cache
    with locked(folder / "lock"):
        *older, _ = sorted(_generations(folder))
        for number in older:
            with (
                contextlib.suppress(BlockingIOError),
                locked(folder / f"{number}.users", fcntl.LOCK_EX | fcntl.LOCK_NB),
            ):
                shutil.rmtree(folder / str(number))


def _generations(folder: Path) -> list[int]:
    return [int(each.name) for each in folder.iterdir() if each.is_dir()]


def _folder_bytes(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    done = subprocess.run(["du", "-sb", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) if done.stdout else 0


def _prepare(project: recipe.Project, work: Path, go_cache: Path, log: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(project.folder, work)
    if not project.has_prepare:
        return
    env = go.environment(build_cache() / "mod", go_cache)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(recipe.FOLDER.parent), env.get("PYTHONPATH")]))
    with log.open("a") as sink:
        done = subprocess.run(
            [sys.executable, "prepare.py", str(work)],
            cwd=work,
            env=env,
            stdout=sink,
            stderr=sink,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise UpstreamError(f"upstream/{project.name}/prepare.py failed (exit {done.returncode}):\n{tail}")


def _compile(project: recipe.Project, work: Path, target: Path, go_cache: Path, log: Path) -> None:
    for program in project.programs:
        arguments = [
            "build",
            "-ldflags",
            f"-s -w {program.ldflags}".strip(),
            "-o",
            str(target / program.name),
        ]
        if program.tags:
            arguments += ["-tags", ",".join(program.tags)]
        go.run(
            [*arguments, program.package],
            cwd=work,
            module_cache=build_cache() / "mod",
            build_cache=go_cache,
            log=log,
            CGO_ENABLED="1" if program.cgo else "0",
        )


def build(project: recipe.Project, on_start: Callable[[], None] = lambda: None) -> float:
    """Build one project unless it is cached; return the seconds it took (0 when cached).

    A build that is killed leaves only a `.partial` folder, which the next build replaces.

    Raises:
        UpstreamError: Go is missing, or the build fails.
    """
    if is_built(project):
        return 0.0
    with locked(build_cache() / "locks" / project.name):
        if is_built(project):
            return 0.0
        started = time.monotonic()
        modules.download(project)
        final = _output_folder(project)
        if project.programs and not all((final / program.name).is_file() for program in project.programs):
            with _slot(), _go_cache() as go_cache:
                on_start()
                started = time.monotonic()
                _build_programs(project, final, go_cache)
        return time.monotonic() - started


def _build_programs(project: recipe.Project, final: Path, go_cache: Path) -> None:
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    logs = cache_root() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"build-{project.name}.log"
    log.write_text("")
    work = build_cache() / "work" / project.name
    try:
        _prepare(project, work, go_cache, log)
        _compile(project, work, partial, go_cache, log)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)


def tidy() -> int:
    """Delete what only running builds need and return the bytes freed; do nothing while a build runs."""
    folder = build_cache()
    with contextlib.ExitStack() as stack:
        for number in range(SLOTS):
            try:
                stack.enter_context(locked(folder / "slots" / str(number), fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                return 0
        before = _folder_bytes(folder)
        # Go makes module folders read-only; its own command deletes them.
        if (folder / "mod").is_dir():
            go.run(["clean", "-modcache"], cwd=folder, module_cache=folder / "mod", GOFLAGS="")
        # The current build cache, and those that earlier versions left under other names.
        for path in (*folder.glob("gocache*"), folder / "work"):
            shutil.rmtree(path, ignore_errors=True)
        return before - _folder_bytes(folder)
