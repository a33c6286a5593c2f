"""Python packages of images: kfp for pipelines that name an image by habit, and what models are made with."""

import re

import pytest

from cluster.addons import public_images
from components import versions
from upstream import image_recipe


def test_a_component_finds_the_platforms_kfp_and_a_pip_installed() -> None:
    locks = {
        name: (image_recipe.load(name).folder / "requirements.txt").read_text()
        for name, _ in public_images.references()
    }
    assert len(set(locks.values())) == 1, "one lock for all"
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", next(iter(locks.values())), re.MULTILINE))
    assert pins.keys() == {"kfp", "pip"}
    assert pins["kfp"] == versions.python_version("kfp")


@pytest.mark.parametrize(
    ("image", "packages"),
    [
        ("serving-runtime", ("numpy", "scikit-learn", "scipy", "skops")),
        ("serving-runtime-boosting", ("lightgbm", "numpy", "scipy", "xgboost-cpu")),
    ],
)
def test_what_is_trained_is_served_by_the_same_packages(image: str, packages: tuple[str, ...]) -> None:
    served = versions.image_packages(image)
    for package in packages:
        assert served[package] == versions.python_version(package), package
