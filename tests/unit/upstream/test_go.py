"""The Go command runs in a fixed environment, and says what went wrong."""

from pathlib import Path

import pytest

from upstream import go
from upstream.cache import UpstreamError


def test_nothing_of_the_users_own_go_settings_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("GOFLAGS", "GOTOOLCHAIN", "GOWORK", "GOMODCACHE", "GOCACHE"):
        monkeypatch.setenv(variable, "of the user")
    environment = go.environment(tmp_path / "modules", tmp_path / "build", GOPROXY="off")
    assert environment["GOTOOLCHAIN"] == "local", "another Go would be downloaded"
    assert environment["GOWORK"] == "off"
    assert "-mod=readonly" in environment["GOFLAGS"]
    assert environment["GOMODCACHE"] == str(tmp_path / "modules")
    assert environment["GOCACHE"] == str(tmp_path / "build")
    assert environment["GOPROXY"] == "off"


def test_a_missing_go_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    go.go_program.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UpstreamError, match=r"no `go` on PATH; install Go 1\.26"):
        go.go_program()
    go.go_program.cache_clear()


def test_a_failure_carries_the_command_and_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match=r"(?s)`go nonsense` failed in .* \(exit 2\):\n.*unknown command"):
        go.run(["nonsense"], cwd=tmp_path, module_cache=tmp_path)


def test_a_log_keeps_the_command_and_what_it_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert go.run(["version"], cwd=tmp_path, module_cache=None, log=log) == ""
    assert log.read_text().startswith("+ go version\ngo version go1.")
    assert go.go_version() in log.read_text()
