"""Every image with Debian packages has a lock that holds what its image.toml asks for."""

import pytest

from images import debian_lock
from upstream import image_recipe
from upstream.image_recipe import Image

IMAGES = [image for image in image_recipe.all_images() if image.debian is not None]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_lock_has_what_its_image_asks_for_and_its_base_lacks(image: Image) -> None:
    names = [package.name for package in debian_lock.read(image).packages]
    assert image.debian
    assert {*image.debian.packages, *image.debian.alone} <= set(names)
    assert names == sorted(set(names))
    for base in image_recipe.with_bases([image.name])[:-1]:
        if base.debian is not None:
            assert not {package.name for package in debian_lock.read(base).packages} & set(names)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_package_is_named_by_its_checksum_and_its_place_in_the_archive(image: Image) -> None:
    for package in debian_lock.read(image).packages:
        assert len(package.sha256) == 64
        assert int(package.sha256, base=16)
        archive, pool, *_, file = package.path.split("/")
        assert (archive in {"debian", "debian-security"}, pool) == (True, "pool")
        assert file.startswith(f"{package.name}_{package.version.rpartition(':')[2]}_")


def test_no_image_installs_packages_that_are_not_locked() -> None:
    for image in image_recipe.all_images():
        text = (image.folder / "Dockerfile").read_text()
        assert "apt-get update" not in text, image.name
