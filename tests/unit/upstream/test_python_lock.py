"""uv.lock, read without uv."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from upstream import python_lock
from upstream.cache import UpstreamError

_LOCK = """\
version = 1

[[package]]
name = "plinth"
version = "0.1.0"

[package.dev-dependencies]
server = [{ name = "one", extra = ["fast"] }]
steps = [{ name = "two" }]

[[package]]
name = "one"
version = "1.0"
dependencies = [{ name = "three", marker = "sys_platform == 'win32'" }]

[package.optional-dependencies]
fast = [{ name = "two" }]

[[package]]
name = "two"
version = "2.0"

[[package]]
name = "three"
version = "3.0"
dependencies = [{ name = "one" }]
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a lock of three distributions in place of the committed one."""
    (tmp_path / "uv.lock").write_text(_LOCK)
    monkeypatch.setattr(python_lock, "FILE", tmp_path / "uv.lock")
    python_lock._packages.cache_clear()
    yield
    python_lock._packages.cache_clear()


@pytest.mark.usefixtures("lock")
def test_a_group_has_what_its_distributions_need_with_extras_whatever_the_platform() -> None:
    entries = python_lock.group("server")
    assert {name: entry["version"] for name, entry in entries.items()} == {
        "one": "1.0",
        "three": "3.0",
        "two": "2.0",
    }
    assert list(python_lock.group("steps")) == ["two"]
    assert python_lock.version("three") == "3.0"


@pytest.mark.usefixtures("lock")
def test_an_unknown_name_says_where_to_add_it() -> None:
    with pytest.raises(UpstreamError, match=r"uv.lock has no none: add it to a group of pyproject.toml"):
        python_lock.version("none")
    with pytest.raises(UpstreamError, match=r"no dependency group 'none' in uv.lock: it has server, steps"):
        python_lock.group("none")


def test_a_group_of_this_repository_has_nothing_of_another() -> None:
    server = python_lock.group("mlflow-server")
    assert {"mlflow", "psycopg", "psycopg-binary", "sqlalchemy", "boto3"} <= server.keys()
    assert not {"kfp", "pytest", "pulumi", "plinth"} & server.keys()
    assert server["mlflow"]["version"] == python_lock.version("mlflow")
