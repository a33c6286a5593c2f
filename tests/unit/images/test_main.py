import functools

import pytest

from images import __main__, buildah, registry, store
from tests.unit.images import debian
from tests.unit.images.conftest import MakeImage
from tests.unit.images.debian import Debian
from tests.unit.images.fake_registry import serving
from tests.unit.images.layouts import write_layout
from upstream import batch, image_recipe


def test_what_is_cached_is_published_without_a_build(
    stored: store.Record, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["publish", "app=plinth/app:1", "app=plinth/app:2"]) == 0
    assert "2 published, 2 of them new" in capsys.readouterr().out
    assert registry.is_published(stored, registry.parse("plinth/app:2"))
    assert __main__.main(["publish", "app=plinth/app:1"]) == 0
    assert "1 published, 0 of them new" in capsys.readouterr().out


def test_programs_of_a_missing_image_are_built_before_it(
    stored: store.Record, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def adopt(_: buildah.Builder, image: image_recipe.Image) -> None:
        built.append(image.name)
        layout = store.folder() / "layout" / image.name
        write_layout(layout, b"one")
        store.adopt(image.name, image_recipe.key(image.name), layout)

    monkeypatch.setattr(batch, "build_missing", lambda projects: built.extend(p.name for p in projects))
    monkeypatch.setattr(buildah.Builder, "build", adopt)
    make_image("other", 'base = "app"\nprograms = ["oauth2-proxy", "prom-label-proxy"]\n')
    assert __main__.main(["publish", "other=plinth/other:1"]) == 0
    assert built == ["oauth2-proxy", "prom-label-proxy", "other"]
    assert __main__.main(["publish", "other=plinth/other:1"]) == 0
    assert not built[3:], "of what is there, nothing is built"
    assert store.find("app") == stored


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "nothing"], "no image 'nothing'"),
        (["publish", "app"], "expected NAME=REFERENCE"),
        (["publish", "app=plinth/app"], "has no tag"),
        (["push", "--to", "r.io/team", "app=r.io/app:1"], "--to r.io/team: expected HOST or HOST:PORT"),
        (["publish", "app=a.io/x:1", "other=b.io/x:1"], "x:1 is wanted for app and for other"),
    ],
)
def test_a_wrong_argument_gives_one_line(
    arguments: list[str], message: str, make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("app")
    make_image("other")
    assert __main__.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_the_list_shows_what_is_missing(
    stored: store.Record, make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("other", 'base = "app"\n')
    assert __main__.main(["list"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["app", stored.key]
    assert first.endswith("scratch")
    assert "missing" in second
    assert second.endswith("app")


def test_a_push_takes_the_path_and_tag_of_each_reference(
    stored: store.Record, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as held:
        pairs = ["app=registry.example.org/team/plinth/app:1"]
        assert __main__.main(["push", "--to", held.host, *pairs]) == 0
        first = capsys.readouterr().out
        assert __main__.main(["push", "--to", held.host, *pairs]) == 0
    assert list(held.manifests) == ["/v2/team/plinth/app/manifests/1"]
    assert f"{held.host}/team/plinth/app:1 pushed" in first
    assert f"1 pushed, 1 of them new, to {held.host}" in first
    assert "1 pushed, 0 of them new" in capsys.readouterr().out


def test_names_and_without_programs_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        __main__.main(["build", "app", "--without-programs"])
    assert "--without-programs: not allowed with argument name" in capsys.readouterr().err


def test_locking_says_what_changed(
    mirror: Debian, make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("app", debian.TABLE)
    make_image("plain")
    mirror.list(mirror.publish("libc6", "1"), mirror.publish("python3", "1"))
    assert __main__.main(["lock"]) == 0
    assert capsys.readouterr().out.split() == ["app", "2", "packages", "changed"]
    assert __main__.main(["lock", "app"]) == 0
    assert capsys.readouterr().out.split() == ["app", "unchanged"]
    assert __main__.main(["lock", "plain"]) == 1
    error = "error: plain has no Debian packages of its own; these have: app\n"
    assert capsys.readouterr().err == error


def test_references_from_before_a_renewed_lock_are_not_published(
    mirror: Debian, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_: buildah.Builder, image: image_recipe.Image) -> None:
        layout = store.folder() / "layout" / image.name
        write_layout(layout, b"one")
        store.adopt(image.name, image_recipe.key(image.name), layout)

    monkeypatch.setattr(buildah.Builder, "build", build)
    make_image("ground", debian.TABLE)
    make_image("app", 'base = "ground"\n')
    debian.write_lock("ground", mirror.publish("libc6", "1"))
    mirror.files.clear()
    mirror.list(mirror.publish("libc6", "2"))
    before = image_recipe.tag("app")
    assert __main__.main(["publish", f"app=plinth/app:{before}"]) == 1
    assert "Debian packages of ground were locked anew, so references have changed" in capsys.readouterr().err
    assert not registry.digest(registry.parse(f"plinth/app:{before}"))
    after = image_recipe.tag("app")
    assert after != before
    assert __main__.main(["publish", f"app=plinth/app:{after}"]) == 0
    assert registry.digest(registry.parse(f"plinth/app:{after}")) == store.require("app").manifest.digest


def test_all_locks_are_settled_before_the_first_references_are_made(
    make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[str] = []
    built: list[str] = []
    monkeypatch.setattr(buildah.Builder, "settle", lambda _, image: bool(settled.append(image.name)))
    monkeypatch.setattr(buildah.Builder, "build", lambda _, image: built.append(image.name))
    make_image("ground", debian.TABLE)
    make_image("later", debian.TABLE + '[modules]\nx = "registry:example.org/x/y"\n')
    monkeypatch.setattr(image_recipe, "key", functools.cache(lambda name: name))
    assert __main__.main(["build", "--without-programs"]) == 0
    assert (built, settled) == (["ground"], ["ground", "later"])
