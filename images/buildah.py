"""Builds images with buildah, in a private storage that is deleted afterwards."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

from images import ImagesError, debian_archive, debian_lock, python_packages, store
from images.debian_lock import Package
from upstream import image_recipe, modules, recipe
from upstream.build import binary
from upstream.cache import cache_root
from upstream.image_recipe import Debian, Image

# An image is replaced, not updated, and the mirror of the machine that built it must not be part of it.
_NO_SOURCES = '--customize-hook=: > "$1/etc/apt/sources.list"'
# No program reads these; licences are kept.
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)


def _run(command: list[str], image: str, log: Path, cwd: Path | None = None, **extra: str) -> None:
    with log.open("a") as sink:
        sink.write(f"+ {' '.join(command)}\n")
        sink.flush()
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**os.environ, **extra},
                check=False,
            )
        except FileNotFoundError as error:
            raise ImagesError(f"{command[0]} is not installed: run `make setup`") from error
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ImagesError(f"image {image}: {command[0]} failed (exit {done.returncode}); log {log}:\n{tail}")


def module_path(image: Image, project: str, path: str) -> Path:
    """Return a file or folder of a pinned module: `path` is the module's name, then a path in it.

    Raises:
        ImagesError: no module of the project has such a name.
        UpstreamError: there is no such project, or the module is not downloaded.
    """
    versions = recipe.load(project).versions
    module = max((name for name in versions if path.startswith(f"{name}/")), key=len, default=None)
    if module is None:
        where = f"images/{image.name}/image.toml"
        raise ImagesError(f"{where}: {path} is in no module of upstream/{project}/go.mod")
    return modules.module_dir(project, module) / path[len(module) + 1 :]


class Builder:
    """A buildah storage for one batch of builds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs = cache_root() / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._one_base = threading.Lock()

    def _buildah(self, *arguments: str) -> list[str]:
        storage = ["--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run")]
        return ["buildah", *storage, "--storage-driver", "overlay", *arguments]

    def build(self, image: Image) -> None:
        """Build an image and store it; its base must be stored already.

        Raises:
            ImagesError: a tool is missing or fails.
            UpstreamError: one of its programs is not built.
        """
        log = self._logs / f"image-{image.name}.log"
        log.write_text("")
        context = self._folder / "context" / image.name
        shutil.rmtree(context, ignore_errors=True)
        try:
            self._fill(image, context, log)
            name = f"localhost/plinth/{image.name}:{image_recipe.key(image.name)}"
            arguments = ["bud", "--isolation", "chroot", "--timestamp", "0", "--pull-never", "--tag", name]
            if image.base:
                with self._one_base:
                    arguments += ["--build-arg", f"BASE_IMAGE={self._base(image.base, log)}"]
            _run(self._buildah(*arguments, str(context)), image.name, log, TMPDIR=str(self._temporary()))
        finally:
            shutil.rmtree(context, ignore_errors=True)
        self._keep(image, name, log)

    def _temporary(self) -> Path:
        folder = self._folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _base(self, base: str, log: Path) -> str:
        name = f"localhost/plinth/{base}:{image_recipe.key(base)}"
        ask = self._buildah("inspect", "--type", "image", name)
        known = subprocess.run(ask, capture_output=True, check=False)
        if known.returncode != 0:
            layout = self._folder / "base" / base
            store.export(base, layout)
            # The copy is named after its path, which must look like an image's name, so use a relative one.
            pull = self._buildah("pull", "--quiet", f"oci:{base}:image")
            _run(pull, base, log, cwd=layout.parent, TMPDIR=str(self._temporary()))
            _run(self._buildah("tag", store.image_id(base), name), base, log)
            shutil.rmtree(layout, ignore_errors=True)
        return name

    def _fill(self, image: Image, context: Path, log: Path) -> None:
        # The very files that the key covers.
        for name, file in image.context.items():
            copy = context / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy, follow_symlinks=False)
        if image.programs:
            (context / "programs").mkdir()
        for program in image.programs:
            # A hard link: the context is in the same cache as the programs.
            os.link(binary(program), context / "programs" / program)
        if image.python is not None:
            packages = python_packages.requirements(image)
            python_packages.install(packages, context / "site-packages", context / "scripts")
        for target, project, path in image.modules:
            source = module_path(image, project, path)
            (context / target).parent.mkdir(parents=True, exist_ok=True)
            # Module folders are read-only; the copies must not be, or they could not be deleted.
            _run(["cp", "-r", "--no-preserve=mode", str(source), str(context / target)], image.name, log)
        if image.debian is not None:
            self._debian(image, image.debian, context, log)
        if (image.folder / "prepare.py").is_file():
            _run([sys.executable, str(context / "prepare.py"), str(context)], image.name, log)

    def _debian(self, image: Image, debian: Debian, context: Path, log: Path) -> None:
        lock = debian_lock.read(image)
        if gone := debian_archive.fetch(lock, self._debs):
            fix = f"run `python -m images lock {image.name}`"
            raise ImagesError(f"image {image.name}: Debian no longer has {_some(gone)}: {fix}")
        folder = context / "debs"
        debian_archive.link(lock.packages, self._debs, folder)
        if image.base is not None:
            return
        debian_archive.write_index(lock.packages, debian.suite, folder)
        names = [package.name for package in lock.packages]
        bootstrap = _mmdebstrap(debian, names, folder, context / "rootfs.tar")
        # One timestamp for all files, as in the layers: equal packages make an equal archive.
        _run(bootstrap, image.name, log, TMPDIR=str(self._temporary()), SOURCE_DATE_EPOCH="1")
        shutil.rmtree(folder)

    @property
    def _debs(self) -> Path:
        return self._folder / "debs"

    def settle(self, image: Image) -> bool:
        """Fetch the Debian packages of an image; renew its lock, and with it the key, if some are gone.

        So a build does not fail when Debian publishes an update. Return whether the lock was renewed.

        Raises:
            ImagesError: the mirror does not answer, or the lock cannot be written.
        """
        gone = debian_archive.fetch(debian_lock.read(image), self._debs)
        if not gone:
            return False
        if not debian_lock.renew(image):
            raise ImagesError(f"image {image.name}: the mirror lists {_some(gone)} but has no file of it")
        where = f"images/{image.name}/{image_recipe.DEBIAN_LOCK}"
        print(f"images: Debian has replaced {_some(gone)}: {where} is renewed, commit it", file=sys.stderr)
        return True

    def _keep(self, image: Image, name: str, log: Path) -> None:
        layout = self._folder / "layout" / image.name
        shutil.rmtree(layout, ignore_errors=True)
        layout.parent.mkdir(parents=True, exist_ok=True)
        # Zstandard unpacks several times faster than gzip, and a starting cluster unpacks every image.
        push = ["push", "--quiet", "--compression-format", "zstd", name, f"oci:{layout}:image"]
        _run(self._buildah(*push), image.name, log, TMPDIR=str(self._temporary()))
        store.adopt(image.name, image_recipe.key(image.name), layout)

    def clean(self) -> None:
        """Delete the storage: the stored blobs suffice for later builds."""
        if not self._folder.exists():
            return
        with contextlib.suppress(FileNotFoundError, subprocess.SubprocessError):
            subprocess.run(self._buildah("rm", "--all"), capture_output=True, check=False)
        overlay = self._folder / "storage" / "overlay"
        subprocess.run(["umount", "--quiet", str(overlay)], capture_output=True, check=False)
        shutil.rmtree(self._folder, ignore_errors=True)


def _some(packages: Sequence[Package]) -> str:
    first = f"{packages[0].name} {packages[0].version}"
    return f"{first} and {len(packages) - 1} more" if len(packages) > 1 else first


def _mmdebstrap(debian: Debian, names: Iterable[str], repository: Path, target: Path) -> list[str]:
    options = [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
    options += [f"--include={','.join(names)}", f"--variant={debian.variant}", "--skip=output/dev"]
    options += [
        '--aptopt=APT::Install-Recommends "false"',
        "--quiet",
        *debian.hooks,
        _NO_SOURCES,
    ]
    return ["mmdebstrap", *options, debian.suite, str(target), f"deb [trusted=yes] copy:{repository} ./"]


@contextlib.contextmanager
def builder() -> Generator[Builder]:
    """Give a builder; delete its storage afterwards, and first that of a build that was killed."""
    current = Builder(cache_root() / "images" / "work")
    current.clean()
    try:
        yield current
    finally:
        current.clean()
