"""Versions of a registered model: which one is meant by a number or an alias, and whose data they are of.

Embedded in steps, so it imports nothing of this repository.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

from collections.abc import Iterable
from typing import Any


def data_of(client: Any, versions: Iterable[Any]) -> str:
    """Return the data that a model is trained on, by its newest version that names it; empty if none does.

    A version that somebody else has registered need not name its data, nor have a run at all. Versions of
    earlier releases have no tag, but their runs do.
    """
    by_age = sorted(versions, key=lambda version: -int(version.version))
    if named := next((uri for version in by_age if (uri := version.tags.get("data.uri"))), ""):
        return named
    run_id = next((version.run_id for version in by_age if version.run_id), None)
    return client.get_run(run_id).data.tags.get("data.uri", "") if run_id else ""


def registered(client: Any, model_name: str, version: str) -> Any:
    """Return a version of a model from the registry.

    Args:
        client: Client of MLflow.
        model_name: The registered model.
        version: Its number, or an alias such as champion.

    Raises:
        ValueError: there is none; the line says which there are.
    """
    from mlflow.exceptions import MlflowException

    try:
        if version.isdigit():
            return client.get_model_version(model_name, version)
        return client.get_model_version_by_alias(model_name, version)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
    known = client.search_model_versions(f"name = '{model_name}'", max_results=1000)
    if not known:
        raise ValueError(f"model {model_name}: is not registered; run train_register_serve first")
    aliases = ", ".join(sorted(client.get_registered_model(model_name).aliases)) or "none"
    numbers = ", ".join(str(each) for each in sorted(int(each.version) for each in known)[-10:])
    raise ValueError(
        f"model {model_name}: has no version {version!r}; it has versions {numbers} and the aliases {aliases}"
    )
