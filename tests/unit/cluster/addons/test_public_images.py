import re
from typing import Any

from kfp import dsl

from cluster.addons import public_images
from images import registry
from upstream import image_recipe


def test_what_people_write_is_answered() -> None:
    answered = {reference: name for name, reference in public_images.references()}
    for version in ("3.9", "3.11", "3.13"):
        for habit in (version, f"{version}-slim"):
            assert answered[f"docker.io/library/python:{habit}"] == f"python-{version}"


def test_the_image_of_a_component_without_arguments_is_answered() -> None:
    @dsl.component
    def stock() -> int:
        return 1

    component: Any = stock
    image = registry.parse(component.component_spec.implementation.container.image)
    assert image in [registry.parse(reference) for _, reference in public_images.references()]


def test_each_image_holds_the_python_that_its_name_says() -> None:
    releases = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
    for name in {name for name, _ in public_images.references()}:
        image = image_recipe.load(name)
        assert image.debian
        version = releases[image.debian.suite]
        assert name == f"python-{version}"
        places = re.findall(r"/usr/local/lib/python([\d.]+)/", (image.folder / "Dockerfile").read_text())
        assert places == [version]


def test_no_name_is_answered_twice() -> None:
    references = [reference for _, reference in public_images.references()]
    assert len(references) == len(set(references))
