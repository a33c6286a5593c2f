"""Images that pipelines name by habit hold the release of kfp that the platform runs."""

import re

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
