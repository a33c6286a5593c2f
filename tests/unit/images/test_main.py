import pytest

from images import __main__, registry, store
from tests.unit.images.conftest import MakeImage
from tests.unit.images.fake_registry import serving


def test_what_is_cached_is_published_without_a_build(
    stored: store.Record, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["publish", "app=plinth/app:1", "app=plinth/app:2"]) == 0
    assert "2 published, 2 of them new" in capsys.readouterr().out
    assert registry.is_published(stored, registry.parse("plinth/app:2"))
    assert __main__.main(["publish", "app=plinth/app:1"]) == 0
    assert "1 published, 0 of them new" in capsys.readouterr().out


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
