"""Names of models: one per data set, a name that Kubernetes takes, and not the name of other data's model."""

import hashlib
import re
from typing import Final

from workloads.errors import WorkloadsError

LONGEST: Final = 40
"""Characters of a name: with its version and the namespace it must fit into one label of a host."""
_DIGEST: Final = 6
_VERSION: Final = re.compile("-v[0-9]+$")


def model_name(data: str) -> str:
    """Return the name of the model for a data set: readable, and of no other data set.

    A file's own name is often shared, as train.csv is, and may have no Latin letter: a digest of the whole
    address follows it.
    """
    stem = re.sub(r"\.(csv|tsv)$", "", data.rpartition("/")[2].lower())
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")
    name = name if name[:1].isalpha() else f"model-{name}".rstrip("-")
    if not data.startswith("s3://"):
        return name[:LONGEST].strip("-")
    digest = hashlib.sha256(data.encode()).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST - _DIGEST - 1].strip('-')}-{digest}"


def checked(name: str) -> str:
    """Return a name that a user chose.

    Raises:
        WorkloadsError: no model can have it.
    """
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name) or len(name) > LONGEST:
        raise WorkloadsError(
            f"name {name!r}: give at most {LONGEST} small Latin letters, digits and hyphens, "
            "a letter first and no hyphen last"
        )
    if _VERSION.search(name):
        raise WorkloadsError(f"name {name!r}: ends as versions of a model do; give another name")
    return name


def refuse_taken(name: str, data: str, owner: str) -> None:
    """Refuse a name whose model is trained on other data.

    Raises:
        WorkloadsError: it is.
    """
    if owner and owner != data:
        raise WorkloadsError(
            f"name {name!r}: its model is trained on {owner}, not {data}; "
            "give another --name, or --replace it"
        )
