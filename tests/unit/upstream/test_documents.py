import json
from pathlib import Path

import pytest
import yaml

from upstream import documents

TEXT = """
first: {operator: =, size: 1}
---
# only a comment
---
- second
"""
PARSED = [{"first": {"operator": "=", "size": 1}}, ["second"]]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "manifests"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "all.yaml"
    path.write_text(TEXT)
    return path


def test_documents_come_in_order_without_empty_ones(file: Path) -> None:
    assert documents.read(file) == PARSED


def test_a_file_is_parsed_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = documents.read(file)
    monkeypatch.delattr(yaml, "load_all")
    assert documents.read(file) == first


def test_another_content_is_parsed_again(file: Path) -> None:
    documents.read(file)
    file.write_text("{a: b}")
    assert documents.read(file) == [{"a": "b"}]


def test_what_was_half_written_is_parsed_again(file: Path, kept: Path) -> None:
    documents.read(file)
    (written,) = kept.iterdir()
    written.write_text(written.read_text()[:10])
    assert documents.read(file) == PARSED
    assert json.loads(written.read_text()) == PARSED


def test_what_json_does_not_know_is_refused_not_changed(file: Path, kept: Path) -> None:
    file.write_text("when: 2026-01-01")
    with pytest.raises(TypeError, match="date"):
        documents.read(file)
    assert not list(kept.glob("*.json"))
