import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import manifests

TEXT = """
apiVersion: v1
kind: Namespace
metadata: {name: ours}
---
# only a comment
---
apiVersion: v1
kind: List
items:
- {kind: Role, metadata: {name: reader, labels: {a: b}}}
- {kind: ConfigMap, metadata: {name: settings}, data: {key: "a: b\\nc", operator: =}}
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TEXT)
    monkeypatch.setattr(manifests, "module_dir", lambda _project, _module: tmp_path)  # pyright: ignore[reportUnknownArgumentType]
    return tmp_path


def load() -> list[manifests.Manifest]:
    return manifests.load("project", "module", "*.yaml")


def test_documents_come_in_order_with_lists_opened_and_empty_ones_left_out() -> None:
    assert [each["kind"] for each in load()] == ["Namespace", "Role", "ConfigMap"]


def test_a_change_of_what_was_loaded_does_not_reach_the_next_reader() -> None:
    load()[0]["metadata"]["name"] = "changed"
    assert load()[0]["metadata"]["name"] == "ours"


def test_a_file_that_is_gone_is_named_with_its_project() -> None:
    with pytest.raises(manifests.ManifestError, match=r"module has no file gone.yaml.*upstream/project"):
        manifests.load("project", "module", "gone.yaml")
    with pytest.raises(manifests.ManifestError, match=r"no file gone.json"):
        manifests.text("project", "module", "gone.json")


def test_objects_are_chosen_by_kind_and_name() -> None:
    objects = load()
    assert [each["kind"] for each in manifests.only(objects, "Role")] == ["Role"]
    assert [each["kind"] for each in manifests.without(objects, "Role")] == ["Namespace", "ConfigMap"]
    assert manifests.find(objects, "ConfigMap", "settings")["data"] == {"key": "a: b\nc", "operator": "="}
    with pytest.raises(manifests.ManifestError, match="no Role writer"):
        manifests.find(objects, "Role", "writer")


def test_labels_are_added_to_those_an_object_has() -> None:
    role = manifests.find(manifests.labelled(load(), {"c": "d"}), "Role", "reader")
    assert role["metadata"]["labels"] == {"a": "b", "c": "d"}


def test_what_is_rendered_reads_back_as_yaml() -> None:
    assert list(yaml.safe_load_all(manifests.render(load()))) == load()


def test_text_is_the_file() -> None:
    assert manifests.text("project", "module", "all.yaml") == TEXT
    assert json.loads(manifests.render([{"kind": "A"}])) == {"kind": "A"}


def test_schemas_lose_their_prose_and_keep_fields_that_are_called_description() -> None:
    text = {"type": "string", "description": "words"}
    schema = {
        "description": "words",
        "type": "object",
        "properties": {
            "description": text,
            "list": {"type": "array", "items": {"properties": {"a": text}}},
            "map": {"type": "object", "additionalProperties": text},
            "any": {"anyOf": [{"type": "integer", "description": "words"}, {"type": "string"}]},
        },
        "required": ["description"],
    }
    definition: dict[str, Any] = {
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}
    }
    (shortened,) = manifests.without_descriptions([definition])
    assert shortened["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "list": {"type": "array", "items": {"properties": {"a": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
        "required": ["description"],
    }
    assert "description" in definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_an_outline_keeps_types_and_requirements_and_opens_what_lies_deeper() -> None:
    leaf = {"type": "string", "enum": ["a"], "description": "words"}
    inner = {"type": "object", "properties": {"leaf": leaf}, "required": ["leaf"]}
    keyed = {
        "type": "array",
        "items": inner,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["leaf"],
    }
    schema = {"type": "object", "properties": {"inner": inner, "list": keyed}, "required": ["inner"]}
    opened = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert manifests.outline(schema, 0) == opened
    assert manifests.outline(schema, 1) == {
        "type": "object",
        "properties": {"inner": opened, "list": {"type": "array", "items": opened}},
        "required": ["inner"],
    }
    whole = manifests.outline(schema, 3)
    assert whole["properties"]["inner"]["properties"]["leaf"] == {"type": "string", "enum": ["a"]}
    assert "x-kubernetes-list-type" not in whole["properties"]["list"]
