"""A lock is what APT resolves now; it changes only with the packages, and the key changes with it."""

from pathlib import Path

import pytest

from images import ImagesError, debian_lock
from tests.unit.images.conftest import MakeImage
from tests.unit.images.debian import TABLE, Debian
from upstream import image_recipe


def _renew(name: str) -> int:
    return debian_lock.renew(image_recipe.load(name))


def test_a_lock_is_written_once_and_only_a_change_of_packages_changes_the_key(
    mirror: Debian, make_image: MakeImage
) -> None:
    make_image("app", TABLE)
    old, other = mirror.publish("libc6", "2.36-9"), mirror.publish("python3", "1:3.11+x")
    mirror.list(other, old)
    before = image_recipe.key("app")
    assert _renew("app") == 2
    first = image_recipe.key("app")
    assert first != before
    lock = debian_lock.read(image_recipe.load("app"))
    assert lock.packages == (old, other)
    assert _renew("app") == 0
    assert debian_lock.read(image_recipe.load("app")) == lock
    mirror.list(mirror.publish("libc6", "2.36-10"), other)
    assert _renew("app") == 1
    assert image_recipe.key("app") != first


def test_a_damaged_lock_is_written_anew(mirror: Debian, make_image: MakeImage) -> None:
    folder = make_image("app", TABLE)
    (folder / "packages.lock").write_text("<<<<<<< HEAD\n")
    mirror.list(mirror.publish("python3", "3"))
    assert _renew("app") == 1
    assert _renew("app") == 0


def test_what_apt_is_asked_for(mirror: Debian, make_image: MakeImage) -> None:
    make_image("app", TABLE)
    mirror.list(mirror.publish("python3", "3"))
    _renew("app")
    update, install = (mirror.folder / "calls").read_text().splitlines()
    assert update == "-qq update --error-on=any"
    assert install == "-qq install --print-uris ?essential ?priority(required) python3"


def test_an_image_on_a_base_locks_what_it_adds_and_what_it_takes_alone(
    mirror: Debian, make_image: MakeImage
) -> None:
    make_image("ground", TABLE)
    make_image("app", 'base = "ground"\n[debian]\npackages = ["server"]\nalone = ["client"]\n')
    python, server, client = (mirror.publish(name, "1") for name in ("python3", "server", "client"))
    mirror.list(python)
    _renew("ground")
    mirror.list(python, server, alone=(client,))
    _renew("app")
    assert debian_lock.read(image_recipe.load("app")).packages == (client, server)
    *_, install, download = (mirror.folder / "calls").read_text().splitlines()
    assert install.endswith("?essential ?priority(required) python3 server")
    assert download.endswith("--print-uris client")


def test_an_index_that_apt_refuses_changes_nothing(mirror: Debian, make_image: MakeImage) -> None:
    folder = make_image("app", TABLE)
    (mirror.folder / "broken").touch()
    with pytest.raises(ImagesError, match="image app: apt-get update: E: the index is not signed"):
        _renew("app")
    assert not (folder / "packages.lock").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is missing"),
        ("", "is not a lock"),
        ("# app: then is when\n", "is not a lock"),
        ("# a: b\nc d\n", "is not a"),
    ],
)
def test_a_lock_that_cannot_be_read_names_the_command(
    text: str | None, problem: str, make_image: MakeImage
) -> None:
    folder: Path = make_image("app", TABLE)
    if text is not None:
        (folder / "packages.lock").write_text(text)
    with pytest.raises(ImagesError, match=rf"images/app/packages\.lock {problem}.*python -m images lock app"):
        debian_lock.read(image_recipe.load("app"))
