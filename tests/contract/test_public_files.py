"""Committed files are the same on every machine, and contain neither upstream's manifests nor secrets."""

import re

from tests.contract import repository

_HOSTS = re.compile(r"pypi\.org|pythonhosted\.org|proxy\.golang|sum\.golang|registry\.npmjs|deb\.debian\.org")
_MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root)/[a-z]")
_KEYS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|minio123|AKIA[0-9A-Z]{16}")
# Locks name the origin of packages, and this file names what it looks for.
_EXEMPT = {"uv.lock", "go.sum", "test_public_files.py"}


def _lines() -> list[tuple[str, str]]:
    return [
        (f"{file}:{number}", line)
        for file in repository.files()
        if file.name not in _EXEMPT
        for number, line in enumerate(repository.text(file).splitlines(), 1)
    ]


def test_no_package_registry_is_named() -> None:
    found = [where for where, line in _lines() if _HOSTS.search(line)]
    assert not found


def test_no_path_of_one_machine_is_named() -> None:
    found = [where for where, line in _lines() if _MACHINE_PATHS.search(line)]
    assert not found


def test_no_key_and_no_known_default_password() -> None:
    # A test names the default passwords to show that they are gone.
    found = [where for where, line in _lines() if not where.startswith("tests/") and _KEYS.search(line)]
    assert not found


def test_no_upstream_manifest_is_copied() -> None:
    found = [
        str(file)
        for file in repository.files()
        if file.suffix in {".yaml", ".yml", ".json"}
        and re.search(r'^\s*"?kind"?:\s*"?CustomResourceDefinition', repository.text(file), re.MULTILINE)
    ]
    assert not found
