"""Downloads pinned modules whose manifests are read at run time, and finds their folders."""

from functools import cache
from pathlib import Path

from upstream import go, recipe
from upstream.cache import UpstreamError, modules_cache


def _marker(project: recipe.Project) -> Path:
    return modules_cache() / "plinth" / f"{project.name}-{project.key(go.go_version())}"


def is_downloaded(project: recipe.Project) -> bool:
    """Return whether this project's manifest modules were downloaded and verified."""
    return not project.manifest_modules or _marker(project).exists()


def download(project: recipe.Project) -> None:
    """Download a project's manifest modules and check them: go.sum against zip, zip against folder.

    `go list -m` checks nothing, so both checks happen here, once per content key. Two processes may do so at
    once: Go locks a module while it downloads it, and its check ignores a module that is half unpacked.
    """
    if is_downloaded(project):
        return
    module_cache = modules_cache()
    module_cache.mkdir(parents=True, exist_ok=True)
    for module in project.manifest_modules:
        project.version(module)
    go.run(["mod", "download", *project.manifest_modules], cwd=project.folder, module_cache=module_cache)
    go.run(["mod", "verify"], cwd=project.folder, module_cache=module_cache)
    marker = _marker(project)
    marker.parent.mkdir(exist_ok=True)
    marker.touch()


@cache
def module_dir(project_name: str, module: str) -> Path:
    """Return the folder of a pinned module.

    Raises:
        UpstreamError: the project does not pin the module, or it is not downloaded.
    """
    project = recipe.load(project_name)
    project.version(module)
    if module not in project.manifest_modules:
        raise UpstreamError(
            f"upstream/{project_name}/recipe.toml does not list {module} under [manifests] modules"
        )
    folder = ""
    if is_downloaded(project):
        # If the folder was deleted, `go list -m` prints nothing and exits 0.
        folder = go.run(
            ["list", "-m", "-f", "{{.Dir}}", module],
            cwd=project.folder,
            module_cache=modules_cache(),
            GOPROXY="off",
        ).strip()
    if not folder or not Path(folder).is_dir():
        _marker(project).unlink(missing_ok=True)
        raise UpstreamError(
            f"the manifests of {module} are not in the cache: run `python -m upstream modules {project_name}`"
        )
    return Path(folder)
