"""A postponed package runs when a name of its own is wanted, and then is what it always was."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from predictor.process import lazy_packages

INIT = """
from slow.parts import part
loaded = True
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "slow"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text(INIT)
    (folder / "parts.py").write_text("part = 1\n")
    (folder / "inner" / "__init__.py").write_text("raise RuntimeError('ran')\n")
    (folder / "inner" / "quick.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "slow"]:
        del sys.modules[name]


@pytest.mark.usefixtures("slow")
def test_modules_are_imported_without_the_package() -> None:
    lazy_packages.postpone("slow")
    assert importlib.import_module("slow.parts").part == 1
    package = sys.modules["slow"]
    assert "loaded" not in vars(package)
    assert package.loaded, "the first use of a name runs the package"
    assert package.part == 1
    with pytest.raises(AttributeError):
        _ = package.missing


@pytest.mark.usefixtures("slow")
def test_a_package_below_another_runs_neither() -> None:
    lazy_packages.postpone("slow.inner")
    assert "slow" not in sys.modules
    lazy_packages.postpone("slow")
    assert importlib.import_module("slow.inner.quick").value == 2
    with pytest.raises(RuntimeError, match="ran"):
        importlib.reload(sys.modules["slow.inner"])


@pytest.mark.usefixtures("slow")
def test_a_search_through_all_modules_does_not_run_it() -> None:
    lazy_packages.postpone("slow")
    # As pickle looks for the module of an object.
    assert not hasattr(sys.modules["slow"], "agm")
    assert "loaded" not in vars(sys.modules["slow"])


def test_what_is_imported_or_not_installed_stays_as_it_is() -> None:
    before = sys.modules["json"]
    lazy_packages.postpone("json")
    lazy_packages.postpone("not_installed.at_all")
    assert sys.modules["json"] is before
    assert "not_installed" not in sys.modules
