"""Copies by skopeo: its arguments, its login, and its refusals; a program stands in its place."""

import json
import sys
from pathlib import Path

import pytest

from images import ImagesError, __main__, registry_login
from images.mirror import Mirror, digest
from images.registry import Target
from images.registry_login import Login

SOURCE = "docker.io/library/traefik:v3.5.1"
TARGET = Target(repository="plinth-prod/plinth/traefik", tag="v3.5.1")
HOST = "111122223333.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the arguments of every call; `inspect` finds nothing until a file `there` exists."""
    program = tmp_path / "skopeo"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "login = [word.partition('=')[2] for word in sys.argv if 'authfile=' in word]\n"
        "auth = json.loads(pathlib.Path(login[0]).read_text()) if login else None\n"
        "mode = pathlib.Path(login[0]).stat().st_mode & 0o777 if login else 0\n"
        "with (folder / 'calls').open('a') as file:\n"
        "    file.write(json.dumps([sys.argv[1:], auth, mode]) + chr(10))\n"
        "if '--format={{.Digest}}' in sys.argv: print('sha256:abc')\n"
        "if (folder / 'says').exists(): sys.exit((folder / 'says').read_text())\n"
        "if 'inspect' in sys.argv: sys.exit(0 if (folder / 'there').exists() else 1)\n"
        "if (folder / 'refused').exists(): sys.exit('level=fatal msg=denied')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(registry_login, "find", lambda _: None)
    return tmp_path / "calls"


def seen(calls: Path) -> list[list[object]]:
    return [json.loads(line) for line in calls.read_text().splitlines()]


def test_an_image_is_copied_for_the_nodes_platform(calls: Path) -> None:
    assert Mirror(host=HOST).copy(SOURCE, TARGET)
    _, (arguments, _, _) = seen(calls)
    assert isinstance(arguments, list)
    assert {"--override-os=linux", "--override-arch=amd64", "--dest-tls-verify=true"} <= set(arguments)
    assert arguments[-2:] == [f"docker://{SOURCE}", f"docker://{HOST}/plinth-prod/plinth/traefik:v3.5.1"]


def test_a_tag_that_is_there_is_not_copied_again(calls: Path) -> None:
    (calls.parent / "there").touch()
    assert not Mirror(host=HOST).copy(SOURCE, TARGET)
    assert len(seen(calls)) == 1


def test_the_password_is_in_a_file_that_only_its_owner_reads(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_login, "find", lambda _: Login(user="AWS", password="secret"))
    Mirror(host=HOST).copy(SOURCE, TARGET)
    for arguments, auth, mode in seen(calls):
        assert "secret" not in str(arguments)
        assert auth == {"auths": {HOST: {"auth": "QVdTOnNlY3JldA=="}}}
        assert mode == 0o600


def test_a_refusal_names_the_image_and_the_reason(calls: Path) -> None:
    (calls.parent / "refused").touch()
    with pytest.raises(
        ImagesError, match=r"^docker\.io/library/traefik:v3\.5\.1 to .+: level=fatal msg=denied"
    ):
        Mirror(host=HOST).copy(SOURCE, TARGET)


def test_a_registry_is_asked_for_a_digest(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_login, "find", lambda _: Login(user="AWS", password="secret"))
    (calls.parent / "there").touch()
    reference = f"{HOST}/plinth-prod/plinth/traefik:v3.5.1"
    assert digest(reference) == "sha256:abc"
    ((arguments, auth, _),) = seen(calls)
    assert isinstance(arguments, list)
    assert arguments[-1] == f"docker://{reference}"
    assert auth


def test_a_tag_that_a_registry_does_not_have_has_no_digest(calls: Path) -> None:
    (calls.parent / "says").write_text("level=fatal msg=reading manifest v1 in r.io/a: manifest unknown")
    assert digest("r.io/a:v1") is None
    (calls.parent / "says").write_text("level=fatal msg=dial tcp: lookup r.io: no such host")
    with pytest.raises(ImagesError, match=r"^r\.io/a:v1: level=fatal msg=dial tcp"):
        digest("r.io/a:v1")


def test_without_skopeo_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImagesError, match="apt-get install skopeo"):
        Mirror(host="127.0.0.1:5000").copy(SOURCE, TARGET)


def test_the_command_line_says_what_was_new(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = f"{SOURCE}={HOST}/plinth-prod/plinth/traefik:v3.5.1"
    assert __main__.main(["mirror", pair, "--to", HOST]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"images: {HOST}/plinth-prod/plinth/traefik:v3.5.1 copied"
    assert last == f"images: 1 mirrored, 1 of them new, to {HOST}"
