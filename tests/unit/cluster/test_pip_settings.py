import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster import pip_settings
from cluster.pip_settings import PipSettings


def test_the_index_of_pip_is_found_with_its_way_there() -> None:
    listing = "\n".join(
        [
            "global.cert='/etc/company.pem'",
            "global.index-url='https://packages.example.com/simple'",
            "global.extra-index-url='https://a.example.com/simple https://b.example.com/simple'",
            "global.trusted-host='a.example.com'",
            "install.proxy='http://proxy.example.com:3128'",
        ]
    )
    found = pip_settings.parse(listing, {"no_proxy": "localhost"})
    assert found == PipSettings(
        indexes=(
            "https://packages.example.com/simple",
            "https://a.example.com/simple",
            "https://b.example.com/simple",
        ),
        certificate="/etc/company.pem",
        proxy="http://proxy.example.com:3128",
        trusted_hosts=("a.example.com",),
        proxies={"no_proxy": "localhost"},
    )


def test_the_environment_wins_over_files_as_in_pip() -> None:
    found = pip_settings.parse(
        ":env:.index-url='https://env/simple'\nglobal.index-url='https://file/simple'", {}
    )
    assert found.indexes == ("https://env/simple",)


def test_a_pip_without_settings_asks_its_own_index() -> None:
    (index,) = pip_settings.parse("", {}).indexes
    assert index.startswith("https://")


def test_what_was_written_is_read_again_by_its_owner_alone(tmp_path: Path) -> None:
    written = PipSettings(indexes=("https://user:secret@example.com/simple",), trusted_hosts=("a",))
    written.write(tmp_path / "pip.json")
    assert PipSettings.from_file(tmp_path / "pip.json") == written
    assert (tmp_path / "pip.json").stat().st_mode & 0o777 == 0o600


def test_the_real_pip_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.com/simple")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    found = pip_settings.read()
    assert found.indexes[0] == "https://packages.example.com/simple"
    assert found.proxies["HTTPS_PROXY"] == "http://proxy.example.com"


def test_a_pip_that_fails_gives_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, stdout="global.index-url='https://half/simple'")

    monkeypatch.setattr(subprocess, "run", failing)
    assert pip_settings.read().indexes == pip_settings.parse("", {}).indexes
