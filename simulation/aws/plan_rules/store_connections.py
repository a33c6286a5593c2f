"""Rule for pods that connect to a store in AWS: every connection is encrypted, and the server verified.

What a pod connects to, and how, is read from its environment and arguments, also from those Secrets and
ConfigMaps that they refer to. A store is recognised by its name in DNS, so a new client needs no new rule.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from simulation.aws import wire

Object = Mapping[str, Any]
_DATABASE = re.compile(r"\.rds\.amazonaws\.com\b")
_STORE = re.compile(r"\.rds\.amazonaws\.com\b|\bs3[.-][\w.-]*amazonaws\.com\b")
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
# How clients spell a connection in clear text, or one to a server that anyone could be.
_UNSAFE: Final = (
    re.compile(r"\bssl-?_?mode[=:\s\"']+(disabled?|allow|prefer(red)?|require[d]?|verify[-_]ca)\b", re.I),
    re.compile(r"\bPGSSLMODE=(disable|allow|prefer|require|verify-ca)\b"),
    re.compile(r"\btls[=:\s\"']+(false|preferred|skip-verify)\b", re.I),
    re.compile(r"\w*(SECURE|USE_?HTTPS|VERIFY_?SSL)=(false|0|no)\b", re.I),
    re.compile(r"\binsecure\"?:\s*\"?true\b", re.I),
    re.compile(r"\bhttp://[\w.-]+\.amazonaws\.com"),
)


@dataclass(frozen=True, kw_only=True)
class _Objects:
    """Objects of a cluster that pods refer to."""

    by_name: Mapping[tuple[str, str, str], Mapping[str, str]]
    """(kind, namespace, name) -> text by key, of Secrets and ConfigMaps."""

    @classmethod
    def of(cls, objects: Sequence[Object]) -> "_Objects":
        return cls(
            by_name={
                (each["kind"], _namespace(each), str(each["metadata"].get("name"))): _texts(each)
                for each in objects
                if each.get("kind") in ("Secret", "ConfigMap")
            }
        )

    def texts(self, kind: str, namespace: str, name: str) -> Mapping[str, str]:
        """Return the texts of an object by key; of one that is not known, none."""
        return self.by_name.get((kind, namespace, name), {})


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace"))


def _texts(obj: Object) -> dict[str, str]:
    texts = {key: str(value) for key, value in _table(obj.get("stringData")).items()}
    for key, value in _table(obj.get("data")).items():
        texts[key] = _decoded(str(value)) if obj["kind"] == "Secret" else str(value)
    return texts


def _table(value: Any) -> Mapping[str, Any]:
    """Return a table; a plan has one word in the place of one that is secret or not known yet."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _tables(value: Any) -> list[Mapping[str, Any]]:
    """Return the tables of a list; a plan has one word in the place of what is not known yet."""
    return [_table(each) for each in cast("list[Any]", value)] if isinstance(value, list) else []


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text


def find_unverified(objects: Sequence[Object]) -> Iterator[tuple[Object, str]]:
    """Yield each workload that connects to a store in clear text, or does not verify the server."""
    known = _Objects.of(objects)
    for each in objects:
        pod = _pod(each)
        if pod is None:
            continue
        for container in _containers(pod):
            for reason in _faults(container, pod, _namespace(each), known):
                yield each, f"{container['name']}: {reason}"


def names_a_database(obj: Object, objects: Sequence[Object]) -> bool:
    """Return whether a container of an object is given the name of a database in AWS."""
    known = _Objects.of(objects)
    return any(
        _DATABASE.search(line)
        for container in _containers(_pod(obj) or {"containers": []})
        for line in _lines(container, _namespace(obj), known)
    )


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*_tables(pod.get("initContainers")), *_tables(pod["containers"])]


def _lines(container: Mapping[str, Any], namespace: str, known: _Objects) -> list[str]:
    return [*_environment(container, namespace, known), *_arguments(container)]


def _pod(obj: Object) -> Mapping[str, Any] | None:
    spec = _table(obj.get("spec"))
    if obj.get("kind") == "CronJob":
        spec = _table(_table(spec.get("jobTemplate")).get("spec"))
    if obj.get("kind") != "Pod":
        spec = _table(_table(spec.get("template")).get("spec"))
    # Other kinds have templates too, such as Karpenter's pools, of nodes.
    return spec if "containers" in spec else None


def _faults(
    container: Mapping[str, Any], pod: Mapping[str, Any], namespace: str, known: _Objects
) -> Iterator[str]:
    lines = _lines(container, namespace, known)
    if not any(_STORE.search(line) for line in lines):
        return
    for line in lines:
        if any(each.search(line) for each in _UNSAFE):
            yield f"{line.partition('=')[0]} asks for a connection that is not encrypted or not verified"
    if any(_DATABASE.search(line) for line in lines) and not any(
        _names_authorities(line, container, pod, namespace, known) for line in lines
    ):
        yield "names a database and no file with the authorities of its certificate"


def _environment(container: Mapping[str, Any], namespace: str, known: _Objects) -> Iterator[str]:
    """Yield NAME=VALUE of every variable, as far as it is known."""
    for each in _tables(container.get("env")):
        source = _table(each.get("valueFrom"))
        value = each.get("value")
        for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if reference := source.get(field):
                value = known.texts(kind, namespace, reference["name"]).get(reference["key"])
        if isinstance(value, str):
            yield f"{each['name']}={value}"
    for each in _tables(container.get("envFrom")):
        for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            if reference := each.get(field):
                for name, value in known.texts(kind, namespace, reference["name"]).items():
                    yield f"{name}={value}"


def _arguments(container: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in [*(container.get("command") or []), *(container.get("args") or [])]]


def _names_authorities(
    line: str, container: Mapping[str, Any], pod: Mapping[str, Any], namespace: str, known: _Objects
) -> bool:
    """Return whether a variable or argument names a mounted file, or its folder, that holds certificates."""
    volumes = {each["name"]: each for each in _tables(pod.get("volumes"))}
    for mount in _tables(container.get("volumeMounts")):
        folder = str(mount["mountPath"])
        volume = volumes.get(mount["name"], {})
        if wire.holds_unknown(volume) and re.search(rf"[=:\"']{re.escape(folder)}/", line):
            # In a plan the ConfigMap has no name yet; the same rule reads the objects that `up` rendered.
            return True
        files = {f"{folder}/{path}": text for path, text in _files(volume, namespace, known)}
        named = [path for path in files if re.search(rf"[=\"':]{re.escape(path)}\b", line)]
        if re.search(rf"[=:]{re.escape(folder)}/?(:|$)", line):
            named = [*files]
        if any(_CERTIFICATE in files[path] for path in named):
            return True
    return False


def _files(volume: Mapping[str, Any], namespace: str, known: _Objects) -> Iterable[tuple[str, str]]:
    for kind, field, key in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
        if source := volume.get(field):
            texts = known.texts(kind, namespace, source[key])
            items = _tables(source.get("items")) or [{"key": each, "path": each} for each in texts]
            return [(each["path"], texts.get(each["key"], "")) for each in items]
    return []
