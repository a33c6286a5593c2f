import re
from typing import Any

from kfp import dsl

from cluster.addons import public_images
from images import registry
from upstream import image_recipe, recipe

_EMBEDDED = "github.com/kluctl/go-embed-python"


def test_what_people_write_is_answered() -> None:
    answered = {reference: name for name, reference in public_images.references()}
    for version in ("3.9", "3.11", "3.12", "3.13"):
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
    debians = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
    for name in {name for name, _ in public_images.references()}:
        image = image_recipe.load(name)
        assert image.debian
        others = [recipe.load(project).version(_EMBEDDED) for _, project, _ in image.modules]
        versions = [_version(each) for each in others] or [debians[image.debian.suite]]
        assert versions == [name.removeprefix("python-")]
        copied = re.findall(
            r"^COPY site-packages /usr/local/lib/python([\d.]+)/",
            (image.folder / "Dockerfile").read_text(),
            re.MULTILINE,
        )
        assert copied == versions
        if others:
            # The commands of its packages, such as pip, name this interpreter.
            linked = "ln -s /usr/local/bin/python3 /usr/bin/python3"
            assert linked in (image.folder / "Dockerfile").read_text()


def _version(module: str) -> str:
    """Return the minor version of Python in a version of the module, such as v0.0.0-3.12.3-20240415-1."""
    return module.split("-")[1].rpartition(".")[0]


def test_no_name_is_answered_twice() -> None:
    references = [reference for _, reference in public_images.references()]
    assert len(references) == len(set(references))
