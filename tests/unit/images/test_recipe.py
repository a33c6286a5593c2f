import os

import pytest

from images import ImagesError, recipe
from tests.unit.images.conftest import MakeImage
from upstream.cache import UpstreamError


def _program_key(program: str) -> str:
    return f"key of {program}"


def _key(name: str) -> str:
    recipe.load.cache_clear()
    recipe.key.cache_clear()
    return recipe.key(name, _program_key)


def test_the_key_follows_every_file_the_base_and_the_programs(make_image: MakeImage) -> None:
    make_image("base")
    folder = make_image("app", 'base = "base"\nprograms = ["tool"]\n', program="one")
    first = _key("app")
    assert _key("app") == first
    (folder / "program").chmod(0o755)
    executable = _key("app")
    (folder / "program").write_text("two")
    changed = _key("app")
    make_image("base", dockerfile="FROM scratch\nENV A=1\n")
    rebased = _key("app")
    other_program = recipe.key("app", lambda _: "another key")
    assert len({first, executable, changed, rebased, other_program}) == 5


def test_notes_and_byte_code_do_not_change_the_key(make_image: MakeImage) -> None:
    folder = make_image("app")
    first = _key("app")
    (folder / "NOTES.md").write_text("x")
    (folder / "requirements.in").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    assert _key("app") == first


def test_a_link_counts_by_its_target_even_if_that_exists_only_in_the_image(make_image: MakeImage) -> None:
    folder = make_image("app")
    (folder / "manager").symlink_to("operator/manager")
    first = _key("app")
    (folder / "manager").unlink()
    (folder / "manager").symlink_to("elsewhere")
    assert _key("app") != first


def test_bases_come_before_what_stands_on_them(make_image: MakeImage) -> None:
    make_image("ground")
    make_image("middle", 'base = "ground"\n')
    make_image("top", 'base = "middle"\n')
    assert [image.name for image in recipe.with_bases(["top", "ground"])] == ["ground", "middle", "top"]


def test_what_needs_no_program_has_none_below_it_either(make_image: MakeImage) -> None:
    make_image("plain")
    make_image("tool", 'programs = ["tool"]\n')
    make_image("on-plain", 'base = "plain"\n')
    make_image("on-tool", 'base = "tool"\n')
    assert recipe.without_programs() == ["on-plain", "plain"]


def test_a_circle_of_bases_is_named(make_image: MakeImage) -> None:
    make_image("a", 'base = "b"\n')
    make_image("b", 'base = "a"\n')
    with pytest.raises(ImagesError, match="a -> b -> a"):
        recipe.with_bases(["a"])


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("bases = 1", r"unknown keys \['bases'\]"),
        ("base = ", "image.toml: Invalid value"),
        ("programs = [1]", "expected a list of texts"),
        ('[python]\ngroups = ["a"]\nrequirements = "b"', "exactly one of groups, shared-by, requirements"),
        ('[debian]\nsuite = "bookworm"', "needs"),
        ('[modules]\nconfig = "nothing"', "expected PROJECT:MODULE/PATH"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(make_image: MakeImage, toml: str, message: str) -> None:
    make_image("app", toml)
    with pytest.raises(ImagesError, match=message) as error:
        recipe.load("app")
    assert "images/app/image.toml" in str(error.value)


def test_an_unknown_image_names_the_file_it_lacks() -> None:
    with pytest.raises(ImagesError, match="expected images/nothing/Dockerfile"):
        recipe.load("nothing")


def test_an_image_adds_only_what_its_base_lacks(make_image: MakeImage) -> None:
    one, two = "one==1 --hash=sha256:a\n", "two==2 --hash=sha256:b\n"
    make_image("base", '[python]\nrequirements = "lock"\n', lock=one)
    make_image("app", 'base = "base"\n[python]\nrequirements = "lock"\n', lock=one + two)
    assert list(recipe.load("app").requirements()) == ["two"]
    assert list(recipe.load("app").all_requirements()) == ["one", "two"]


def test_a_base_with_another_version_is_refused(make_image: MakeImage) -> None:
    make_image("base", '[python]\nrequirements = "lock"\n', lock="one==1 --hash=sha256:a\n")
    make_image("app", 'base = "base"\n[python]\nrequirements = "lock"\n', lock="one==2 --hash=sha256:b\n")
    with pytest.raises(ImagesError, match="one differs from the one in its base base"):
        recipe.load("app").requirements()


def test_a_file_of_no_pinned_module_is_refused(make_image: MakeImage) -> None:
    make_image("app", '[modules]\nconfig = "registry:example.org/nothing/config"\n')
    with pytest.raises(ImagesError, match="is in no module of upstream/registry"):
        recipe.load("app").module_path("registry", "example.org/nothing/config")
    with pytest.raises(UpstreamError):
        recipe.load("app").module_path("no-such-project", "x")


def test_every_image_of_this_repository_is_well_formed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "FOLDER", recipe.Path(recipe.__file__).parent)
    images = recipe.all_images()
    assert {"workload", "mlflow-server", "serving-runtime", "pause"} <= {image.name for image in images}
    for image in recipe.with_bases([image.name for image in images]):
        dockerfile = (image.folder / "Dockerfile").read_text()
        assert ("ARG BASE_IMAGE" in dockerfile) == (image.base is not None), image.name
        for program in image.programs:
            assert f"programs/{program}" in dockerfile, image.name
        is_root = "\nUSER" not in dockerfile and image.base is None
        assert not is_root or image.name == "volume-helper", f"{image.name} runs as root"
        assert os.access(image.folder / "Dockerfile", os.R_OK)
