"""The models in a folder: one, or one in each folder below it."""

from pathlib import Path

_DESCRIPTION = "MLmodel"


def find(name: str, folder: Path) -> dict[str, Path]:
    """Return name -> folder of each model, in order of the names.

    Args:
        name: Of the model if the folder itself holds one, or none anywhere: loading it then says why.
        folder: Folder with the file MLmodel; or with folders that have one, each of them named as its model.
    """
    if not (folder / _DESCRIPTION).exists():
        several = {each.parent.name: each.parent for each in sorted(folder.glob(f"*/{_DESCRIPTION}"))}
        if several:
            return several
    return {name: folder}
