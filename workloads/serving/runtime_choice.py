"""The serving runtime of a model version: the first one that holds every package of its requirements.

Embedded in the steps that put a version into service.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

import json
import os
import tempfile
from collections.abc import Set
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workloads.errors import WorkloadsError


def chosen_runtime(model_name: str, model_version: str) -> str:
    """Return the name of the ServingRuntime for a version in the registry.

    Raises:
        WorkloadsError: no runtime of the platform holds a package that the model needs.
    """
    needed = _needed_packages(model_name, model_version)
    family = family_with(needed.keys(), f"model {model_name}")
    for name, requirement in needed.items():
        found = family["packages"][name]
        if not requirement.specifier.contains(found, prereleases=True):
            print(f"model {model_name}: needs {requirement}, is served with {name} {found}")
    return family["runtime"]


def family_with(needed: Set[str], who: str) -> dict[str, Any]:
    """Return the first family of the platform's runtimes that holds some packages.

    Args:
        needed: Names of the packages.
        who: What needs them, for the error.

    Raises:
        WorkloadsError: no runtime of the platform holds all of them.
    """
    families = json.loads(os.environ["PLINTH_SERVING_RUNTIMES"])
    fitting = [each for each in families if needed <= each["packages"].keys()]
    for family in fitting:
        if family["runtime"]:
            return family
    if fitting:
        missing = ", ".join(sorted(needed - families[0]["packages"].keys()))
        name = fitting[0]["family"]
        raise WorkloadsError(
            f"{who}: needs {missing}, which the runtime {name!r} has: "
            f"add {name!r} to serving.runtimes in the stack's settings, then deploy the platform again"
        )
    missing = ", ".join(sorted(min((needed - each["packages"].keys() for each in families), key=len)))
    raise WorkloadsError(
        f"{who}: needs {missing}, which no serving runtime has: log the model with "
        "pip_requirements of what predictions need, or add the package to an image of the runtime"
    )


def _needed_packages(model_name: str, model_version: str) -> dict[str, Requirement]:
    import mlflow

    try:
        uri = f"models:/{model_name}/{model_version}/requirements.txt"
        file = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=tempfile.mkdtemp())
    except (mlflow.exceptions.MlflowException, OSError) as error:
        print(f"model {model_name}: without requirements.txt ({str(error).splitlines()[:1]})")
        return {}
    needed = {}
    for line in Path(file).read_text().splitlines():
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise WorkloadsError(
                f"model {model_name}: requirement {text!r} is no package of an index: "
                "log the model with its own code as code_paths"
            ) from None
        if requirement.marker is None or requirement.marker.evaluate():
            needed[canonicalize_name(requirement.name)] = requirement
    return needed
