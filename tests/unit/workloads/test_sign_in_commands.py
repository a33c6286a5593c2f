"""Signing in and out by the command line."""

import json
from pathlib import Path

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads import __main__ as command
from workloads import logins

LOCAL_LOGIN = {"identity_account": "identity/operator"}
COMPANY_LOGIN = {**LOCAL_LOGIN, "identity_issuer": "https://login.example.com", "identity_client": "cli"}


@pytest.mark.parametrize(
    ("name", "outputs", "line"),
    [
        ("login", {}, "the platform has no login: clients need no token"),
        ("logout", {}, "the platform has no login: clients need no token"),
        ("token", {}, "the platform has no login: clients need no token"),
        (
            "login",
            LOCAL_LOGIN,
            "the platform's login has one user and no issuer: `python -m workloads token` ",
        ),
        (
            "logout",
            LOCAL_LOGIN,
            "the platform's login has one user and no issuer: `python -m workloads token` ",
        ),
        ("logout", COMPANY_LOGIN, "nobody has signed in at https://login.example.com on this machine"),
    ],
)
def test_who_has_nowhere_to_sign_in_reads_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    outputs: dict[str, str],
    line: str,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**OUTPUTS, **outputs}))
    assert command.main([name, "--endpoints", str(file)]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {line}")
    assert shown.out == ""


@pytest.mark.parametrize("ended", [True, False])
def test_signing_in_and_out_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ended: bool
) -> None:
    monkeypatch.setattr(logins, "sign_in", lambda *_, **__: "ann@example.com")
    monkeypatch.setattr(logins, "sign_out", lambda *_: ended)
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**OUTPUTS, **COMPANY_LOGIN}))
    assert command.main(["login", "--endpoints", str(file)]) == 0
    assert capsys.readouterr().out.startswith("signed in as ann@example.com; `python -m workloads token`")
    assert command.main(["logout", "--endpoints", str(file)]) == 0
    assert ("the issuer did not confirm it" in capsys.readouterr().out) != ended
