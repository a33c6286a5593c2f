"""`python -m images build|publish|push|mirror|lock|sbom|list|tidy`: build images, publish what is built."""

import argparse
import contextlib
import fcntl
import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from images import ImagesError, buildah, debian_lock, mirror, registry, remote_registry, sbom, store
from terminal import failures
from terminal.progress import TaskProgress
from upstream import batch, image_recipe, recipe
from upstream.cache import UpstreamError

# Packing one image and installing another's packages overlap well on two cores; more workers need more disk.
_WORKERS = 2


@contextlib.contextmanager
def _locked() -> Generator[None]:
    """Wait until no other build runs: two would delete each other's storage."""
    path = store.folder() / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("images: waiting for another build to finish", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _levels(images: list[image_recipe.Image]) -> Iterator[list[image_recipe.Image]]:
    """Yield batches of images: each image is in a later batch than its base."""
    remaining = {image.name: image for image in images}
    while remaining:
        batch = [image for image in remaining.values() if image.base not in remaining]
        yield sorted(batch, key=lambda image: -image.seconds)
        for image in batch:
            del remaining[image.name]


def _settle(builder: buildah.Builder, names: Iterable[str]) -> list[str]:
    """Return those of the missing images whose Debian packages had to be locked anew."""
    candidates = [image for image in image_recipe.with_bases(list(names)) if image.debian is not None]
    return [image.name for image in candidates if not store.find(image.name) and builder.settle(image)]


def _build(names: list[str], *, settled: Iterable[str] = ()) -> list[str]:
    """Build images that are missing; return those whose Debian packages had to be locked anew.

    Args:
        names: images to build; all by default.
        settled: more images whose lock is settled, though they are built later: keys do not change then.
    """
    names = names or [image.name for image in image_recipe.all_images()]
    if all(store.find(image.name) for image in image_recipe.with_bases([*names, *settled])):
        print(f"images: {len(image_recipe.with_bases(names))} images, all cached")
        return []
    with _locked(), buildah.builder() as builder:
        renewed = _settle(builder, [*names, *settled])
        missing = [image for image in image_recipe.with_bases(names) if store.find(image.name) is None]
        # Programs that only some stacks need are built once their images are wanted.
        owners = {owner.name: owner for image in missing for owner in map(recipe.owner, image.programs)}
        batch.build_missing(list(owners.values()))
        progress = TaskProgress("images", [image.name for image in missing])
        with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            for level in _levels(missing):
                work = [
                    pool.submit(progress.run, image.name, partial(builder.build, image)) for image in level
                ]
                failures = [future.exception() for future in work]
                for failure in filter(None, failures):
                    raise failure
        store.tidy()
    return renewed


def _build_for(targets: list[tuple[str, registry.Target]]) -> None:
    """Build the images of given references, which are wrong if one of the images has another key now."""
    if renewed := _build(sorted({name for name, _ in targets})):
        raise ImagesError(
            f"Debian packages of {', '.join(renewed)} were locked anew, so references have changed: "
            "run again what made them, such as `python -m infra images`"
        )


def _with_debian() -> list[str]:
    return [image.name for image in image_recipe.all_images() if image.debian is not None]


def _lock(names: list[str]) -> None:
    known = _with_debian()
    if unknown := set(names) - set(known):
        raise ImagesError(f"{min(unknown)} has no Debian packages of its own; these have: {', '.join(known)}")
    # A base comes before what is built on it.
    for image in image_recipe.with_bases(names or known):
        if image.debian is not None and image.name in (names or known):
            changed = debian_lock.renew(image)
            print(f"{image.name:34} {f'{changed} packages changed' if changed else 'unchanged'}", flush=True)


def _targets(pairs: list[str]) -> list[tuple[str, registry.Target]]:
    """Return (image, target) of each pair; refuse two images under one reference."""
    targets: list[tuple[str, registry.Target]] = []
    for pair in pairs:
        name, separator, reference = pair.partition("=")
        if not separator:
            raise ImagesError(f"{pair!r}: expected NAME=REFERENCE, for example {pair}=example.org/{pair}:1")
        targets.append((name, registry.parse(reference)))
    taken: dict[registry.Target, str] = {}
    for name, target in targets:
        if taken.setdefault(target, name) != name:
            raise ImagesError(
                f"{target.repository}:{target.tag} is wanted for {taken[target]} and for {name}"
            )
    return targets


def _publish(pairs: list[str]) -> None:
    targets = _targets(pairs)
    _build_for(targets)
    changed = sum(registry.publish(store.require(name), target) for name, target in targets)
    print(f"images: {len(targets)} published, {changed} of them new, in {registry.folder()}")


def _push(pairs: list[str], host: str, *, plain_http: bool) -> None:
    targets = _targets(pairs)
    if "/" in host:
        raise ImagesError(f"--to {host}: expected HOST or HOST:PORT; the path is part of each reference")
    _build_for(targets)
    remote = remote_registry.RemoteRegistry(host, plain_http=plain_http)
    changed = 0
    for name, target in targets:
        record = store.require(name)
        new = remote.publish(record, target)
        changed += new
        state = f"pushed, {record.size / 1e6:.0f} MB" if new else "there already"
        print(f"images: {host}/{target.repository}:{target.tag} {state}", flush=True)
    print(f"images: {len(targets)} pushed, {changed} of them new, to {host}")


def _mirror(pairs: list[str], host: str, *, plain_http: bool) -> None:
    targets, copied = _targets(pairs), 0
    to = mirror.Mirror(host=host, plain_http=plain_http)
    for source, target in targets:
        new = to.copy(source, target)
        copied += new
        print(
            f"images: {host}/{target.repository}:{target.tag} {'copied' if new else 'there already'}",
            flush=True,
        )
    print(f"images: {len(targets)} mirrored, {copied} of them new, to {host}")


def _sbom(names: list[str], folder: Path) -> None:
    for name in names or sorted({record.name for record in store.records()}):
        print(f"{name:34} {sbom.write(name, folder)} components in {folder / name}.cdx.json", flush=True)


def _list() -> None:
    for image in image_recipe.all_images():
        try:
            record, key = store.find(image.name), image_recipe.key(image.name)
        except (ImagesError, UpstreamError) as error:
            print(f"{image.name:34} {str(error).splitlines()[0]}")
            continue
        state = f"{record.size / 1e6:6.0f} MB" if record else "missing"
        print(f"{image.name:34} {key} {state:10} {image.base or 'scratch'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build images that are not cached")
    which = building.add_mutually_exclusive_group()
    which.add_argument("name", nargs="*", default=[])
    which.add_argument(
        "--without-programs",
        action="store_true",
        help="the images without anything of an upstream project, instead of all",
    )
    publishing = commands.add_parser(
        "publish", help="build what is missing; publish it to this machine's registry"
    )
    publishing.add_argument("pair", nargs="+", metavar="NAME=REFERENCE")
    pushing = commands.add_parser("push", help="build what is missing; push it to a running registry")
    pushing.add_argument("pair", nargs="+", metavar="NAME=REFERENCE")
    pushing.add_argument(
        "--to", required=True, metavar="HOST", help="the registry; AWS credentials sign in to ECR"
    )
    pushing.add_argument(
        "--plain-http", action="store_true", help="use plain HTTP for a registry on another machine"
    )
    copying = commands.add_parser("mirror", help="copy images of public registries to another registry")
    copying.add_argument("pair", nargs="+", metavar="SOURCE=TARGET")
    copying.add_argument("--to", required=True, metavar="HOST", help="the registry, as for push")
    copying.add_argument(
        "--plain-http", action="store_true", help="use plain HTTP for a registry on another machine"
    )
    locking = commands.add_parser(
        "lock", help="lock the newest Debian packages; images with changes are built anew"
    )
    locking.add_argument("name", nargs="*", help="images; all with Debian packages of their own by default")
    listing = commands.add_parser("sbom", help="write what built images consist of, as CycloneDX")
    listing.add_argument("name", nargs="*", help="images; all that are built by default")
    listing.add_argument("--to", required=True, type=Path, metavar="FOLDER", help="where to write")
    commands.add_parser("list", help="list each image, its content key, compressed size and base")
    commands.add_parser("tidy", help="delete blobs and tags that no image needs")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "build":
                without: bool = options.without_programs
                names = image_recipe.without_upstream() if without else options.name
                _build(names, settled=_with_debian() if without else ())
            case "publish":
                _publish(options.pair)
            case "push":
                _push(options.pair, options.to, plain_http=options.plain_http)
            case "mirror":
                _mirror(options.pair, options.to, plain_http=options.plain_http)
            case "lock":
                _lock(options.name)
            case "sbom":
                _sbom(options.name, options.to)
            case "list":
                _list()
            case _:
                # Creating a builder also removes mounts that a killed build left.
                with _locked(), buildah.builder():
                    freed = store.tidy() + registry.tidy()
                print(f"images: freed {freed / 1e9:.1f} GB")
    except (ImagesError, UpstreamError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "error: interrupted; finished images are kept, run the command again to continue", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
