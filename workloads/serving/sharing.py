"""`python -m workloads share PREDICTOR MODEL...`: serve several models from one predictor."""

import argparse
from collections.abc import Mapping, Sequence

from workloads import model_names
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_CHAMPION = "champion"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("predictor", metavar="PREDICTOR", help="its name, which no model has")
    command.add_argument(
        "models",
        nargs="*",
        metavar="MODEL[@VERSION]",
        help="registered model, and the number or an alias of its version (default: champion)",
    )
    command.add_argument("--remove", action="store_true", help="remove the predictor instead")


def parse(texts: Sequence[str]) -> dict[str, str]:
    """Return model -> version, as a number or an alias.

    Raises:
        WorkloadsError: a model is given twice, or has no name.
    """
    found: dict[str, str] = {}
    for text in texts:
        model, at, version = text.partition("@")
        if not model or (at and not version):
            raise WorkloadsError(f"model {text!r}: give MODEL or MODEL@VERSION, such as wine@3")
        if model in found:
            raise WorkloadsError(f"model {model}: is given twice; one predictor has one version of a model")
        found[model] = version or _CHAMPION
    return found


def run(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Serve the models together, or remove the predictor; return the exit code.

    Raises:
        WorkloadsError: the command is incomplete, or the models cannot be served together.
    """
    from workloads.serving import shared_predictor

    name = model_names.checked(options.predictor)
    if endpoints.local_model_url:
        raise WorkloadsError("share: is for a platform; on a laptop each model has a process of its own")
    if options.remove:
        if options.models:
            raise WorkloadsError(
                f"{options.models[0]}: --remove takes the predictor alone, with all its models"
            )
        removed = shared_predictor.remove(endpoints, name)
        print(f"predictor {name} of {', '.join(removed)} is removed")
        return 0
    chosen = parse(options.models)
    if not chosen:
        raise WorkloadsError(f"predictor {name}: no models; give at least one, or --remove")
    versions = _numbered(endpoints, name, chosen)
    records = shared_predictor.deploy_together(
        endpoints, name, versions, timeout_seconds=options.timeout_seconds
    )
    host = endpoints.model_host(name)
    print(f"predictor {name} serves {len(records)} models at {endpoints.url_by_name(host)}")
    for each in records:
        print(f"  /v1/models/{each.model_name}:predict  version {each.model_version}")
    return 0


def _numbered(endpoints: Endpoints, name: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return model -> number of the version that is meant.

    Raises:
        WorkloadsError: there is no such version, or the predictor's name is a model's.
    """
    from workloads.steps.registered import registered
    from workloads.tracking import connect

    client = connect(endpoints)
    if client.search_registered_models(f"name = '{name}'", max_results=1):
        raise WorkloadsError(f"predictor {name}: a model has that name, and its host; give another")
    try:
        return {
            model: str(registered(client, model_names.checked(model), version).version)
            for model, version in chosen.items()
        }
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
