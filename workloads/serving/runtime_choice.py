"""The serving runtime of a model version: the first one that holds every package of its requirements.

Embedded in the steps that put a version into service.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

import json
import os
import tempfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workloads.errors import WorkloadsError


def chosen_runtime(model_name: str, model_version: str) -> str:
    """Return the name of the ServingRuntime for a version in the registry.

    Raises:
        WorkloadsError: no runtime of the platform holds a package that the model needs.
    """
    needed = _needed_packages(model_name, model_version)
    families = json.loads(os.environ["PLINTH_SERVING_RUNTIMES"])
    fitting = [each for each in families if needed.keys() <= each["packages"].keys()]
    for family in fitting:
        if family["runtime"]:
            for name, requirement in needed.items():
                found = family["packages"][name]
                if not requirement.specifier.contains(found, prereleases=True):
                    print(f"model {model_name}: needs {requirement}, is served with {name} {found}")
            return family["runtime"]
    if fitting:
        missing = ", ".join(sorted(needed.keys() - families[0]["packages"].keys()))
        family = fitting[0]["family"]
        raise WorkloadsError(
            f"model {model_name}: needs {missing}, which the runtime {family!r} has: "
            f"add {family!r} to serving.runtimes in the stack's settings, then deploy the platform again"
        )
    missing = ", ".join(sorted(min((needed.keys() - each["packages"].keys() for each in families), key=len)))
    raise WorkloadsError(
        f"model {model_name}: needs {missing}, which no serving runtime has: log the model with "
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
