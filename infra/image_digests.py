"""The digests by which nodes pull the images of a stack."""

from images import ImagesError, mirror, registry
from infra.errors import InfraError

MISSING = "missing"


def digest(reference: str, *, on_this_machine: bool) -> str:
    """Return the digest of what a reference names in the registry that nodes pull it from, or `missing`.

    Args:
        reference: with a tag.
        on_this_machine: whether nodes pull from this machine's registry; otherwise from the one it names.

    Raises:
        InfraError: the registry does not answer.
    """
    try:
        found = registry.digest(registry.parse(reference)) if on_this_machine else mirror.digest(reference)
    except ImagesError as error:
        raise InfraError(str(error)) from None
    return found or MISSING
