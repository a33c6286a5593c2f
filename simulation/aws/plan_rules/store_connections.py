"""Rule for whatever connects to a store in AWS: every connection is encrypted, and the server verified.

What a pod connects to, and how, is read from its environment and arguments, also from those Secrets and
ConfigMaps that they refer to. Other objects are read whole: a controller may hand their settings on. A store
is recognised by its name in DNS, so a new client needs no new rule. Encryption must be asked for in so many
words, because many clients do without it if nothing is said.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from simulation.aws import wire

Object = Mapping[str, Any]
_DATABASE: Final = re.compile(r"\.rds\.amazonaws\.com\b")
_S3: Final = r"(?:[\w.-]+\.)?s3[.-][\w.-]*amazonaws\.com\b"
_STORE: Final = re.compile(rf"\.rds\.amazonaws\.com\b|\b{_S3}")
_S3_WITHOUT_TLS: Final = re.compile(rf"(?<!https://)(?<![\w.-]){_S3}")
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_MODE = r"\b(?:PG)?ssl-?_?mode[=:\s\"']+"
_SECURE = r"(?<!in)(?:secure|use[-_]?https|use[-_]?ssl)"
_VERIFIES = r"verify[-_]?ssl"
_INSECURE = r"(?:insecure|disable[-_]?ssl)"
_YES, _NO = r"(?:true|1|yes)\b", r"(?:false|0|no)\b"
# How clients spell a connection in clear text, or one to a server that anyone could be.
_UNSAFE: Final = (
    re.compile(rf"{_MODE}(disabled?|allow|prefer(red)?|require[d]?|verify[-_]ca)\b", re.I),
    re.compile(r"\btls[=:\s\"']+(false|preferred|skip-verify)\b", re.I),
    re.compile(rf"(?:{_SECURE}|{_VERIFIES})={_NO}", re.I),
    re.compile(rf"{_INSECURE}[=:\s\"']+{_YES}", re.I),
    re.compile(r"\bhttp://[\w.-]+\.amazonaws\.com"),
)
# How they ask a database for TLS and for a certificate in its own name.
_ASKS_DATABASE: Final = re.compile(rf"{_MODE}verify[-_](full|identity)\b|\btls[=:\s\"']+true\b", re.I)
# How they ask a store without a scheme in its name for TLS, in a text or in a setting of its own.
_ASKS_S3: Final = re.compile(rf"{_SECURE}[=:\s\"']+{_YES}|{_INSECURE}[=:\s\"']+{_NO}", re.I)
_SETTING: Final = re.compile(rf"[\w./-]*(?:{_ASKS_S3.pattern})", re.I)
# Variables of libraries that say whom to trust and turn nothing on.
_TRUST: Final = ("SSL_CERT_DIR=", "SSL_CERT_FILE=", "PGSSLROOTCERT=", "AWS_CA_BUNDLE=", "REQUESTS_CA_BUNDLE=")


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


@dataclass(frozen=True, kw_only=True)
class Client:
    """A container, or an object whose settings others read, that names a store in AWS."""

    object: Object
    name: str
    lines: Sequence[str]
    """NAME=VALUE of what it is told, and arguments."""
    faults: Sequence[str]

    def connects_to(self, host: str) -> bool:
        """Return whether it names a host."""
        return any(host in line for line in self.lines)


def clients(objects: Sequence[Object]) -> Iterator[Client]:
    """Yield everything that names a store in AWS."""
    known = _Objects.of(objects)
    for each in objects:
        pod = _pod(each)
        if pod is None:
            # The texts of a definition explain fields, and set none.
            lines = [] if each.get("kind") == "CustomResourceDefinition" else _settings(each)
            if any(_STORE.search(line) for line in lines):
                yield Client(object=each, name=str(each.get("kind")), lines=lines, faults=_clear_text(lines))
            continue
        for container in _containers(pod):
            lines = _lines(container, _namespace(each), known)
            if any(_STORE.search(line) for line in lines):
                faults = [*_clear_text(lines), *_unverified(container, lines, pod, _namespace(each), known)]
                name = str(container["name"])
                yield Client(object=each, name=name, lines=lines, faults=[*dict.fromkeys(faults)])


def find_unverified(objects: Sequence[Object]) -> Iterator[tuple[Object, str]]:
    """Yield each object that connects to a store in clear text, or does not verify the server."""
    for client in clients(objects):
        for reason in client.faults:
            yield client.object, f"{client.name}: {reason}"


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*_tables(pod.get("initContainers")), *_tables(pod["containers"])]


def _lines(container: Mapping[str, Any], namespace: str, known: _Objects) -> list[str]:
    """Return NAME=VALUE of every variable of a container, and its arguments."""
    return [*_environment(container, namespace, known), *_arguments(container)]


def _pod(obj: Object) -> Mapping[str, Any] | None:
    spec = _table(obj.get("spec"))
    if obj.get("kind") == "CronJob":
        spec = _table(_table(spec.get("jobTemplate")).get("spec"))
    if obj.get("kind") != "Pod":
        spec = _table(_table(spec.get("template")).get("spec"))
    # Other kinds have templates too, such as Karpenter's pools, of nodes.
    return spec if "containers" in spec else None


def _clear_text(lines: Sequence[str]) -> list[str]:
    """Return the lines by which a client of a store does without TLS or else leaves it to its default."""
    unsafe = [line for line in lines if any(each.search(line) for each in _UNSAFE)]
    reason = "asks for a connection that is not encrypted or not verified"
    if not unsafe and not any(_SETTING.fullmatch(line) for line in lines):
        bare = [line for line in lines if _S3_WITHOUT_TLS.search(line)]
        unsafe = [line for line in bare if not _ASKS_S3.search(line)]
        reason = "names a store without https, and nothing asks for TLS"
    return [f"{line.partition('=')[0]} {reason}" for line in unsafe]


def _unverified(
    container: Mapping[str, Any],
    lines: Sequence[str],
    pod: Mapping[str, Any],
    namespace: str,
    known: _Objects,
) -> Iterator[str]:
    if not any(_DATABASE.search(line) for line in lines):
        return
    named = [line for line in lines if _names_authorities(line, container, pod, namespace, known)]
    if not named:
        yield "names a database and no file with the authorities of its certificate"
    # A program's own variable for authorities turns TLS on; those of libraries, and parts of a URL, do not.
    elif not any(_ASKS_DATABASE.search(line) for line in lines) and all(
        line.startswith(_TRUST) or "://" in line for line in named
    ):
        yield "names a database, and nothing asks for a verified connection"


def _settings(obj: Object) -> list[str]:
    """Return NAME=VALUE of every text in an object; a list of names and values is one of such lines."""
    if obj.get("kind") in ("Secret", "ConfigMap"):
        annotations = _table(_table(obj.get("metadata")).get("annotations"))
        return [f"{name}={text}" for name, text in (_texts(obj) | {**annotations}).items()]
    return [*_leaves("", obj)]


def _leaves(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        table = cast("Mapping[str, Any]", value)
        if isinstance(table.get("name"), str) and "value" in table:
            yield f"{table['name']}={table['value']}"
            return
        for key, inner in table.items():
            yield from _leaves(key, inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _leaves(name, inner)
    else:
        yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"


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
