"""YAML files of pinned modules, parsed once: the largest take seconds, and every plan reads them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from upstream.cache import cache_root, write_atomically


class _Loader(yaml.CSafeLoader):
    """Reads `=` as text: an operator in someone's enumeration is a default value to PyYAML."""


def _text(_: yaml.CSafeLoader, node: yaml.ScalarNode) -> str:
    return node.value


_Loader.add_constructor("tag:yaml.org,2002:value", _text)


def read(path: Path) -> list[Any]:
    """Return the documents of a file that are not empty, in order; the caller may change them.

    What was parsed is kept as JSON, under a key of the file's content and of how it is read.

    Raises:
        yaml.YAMLError: it is not YAML.
        TypeError: it holds what JSON does not know, such as a date.
    """
    content = path.read_bytes()
    key = hashlib.sha256(Path(__file__).read_bytes() + content).hexdigest()[:16]
    kept = cache_root() / "manifests" / f"{path.stem}-{key}.json"
    try:
        return json.loads(kept.read_bytes())
    except (FileNotFoundError, ValueError):
        # Not parsed yet, or broken by a machine that went down while it was written.
        documents = [each for each in yaml.load_all(content, Loader=_Loader) if each]
    write_atomically(kept, json.dumps(documents))
    return documents
