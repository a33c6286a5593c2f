"""What the API of Kubeflow Pipelines is sent to start a run, or to repeat one.

Without Kubeflow's compiler, which takes seconds to import: the delivery controller sends these too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.steps import WORKLOAD_IMAGE


def set_image(spec: Mapping[str, Any], image: str) -> None:
    """Put an image in the place of the steps' placeholder."""
    for executor in spec["deploymentSpec"]["executors"].values():
        if executor["container"]["image"] == WORKLOAD_IMAGE:
            executor["container"]["image"] = image


def read_golden(name: str, image: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return pipeline spec and platform spec of a pipeline from the compiled form that is kept."""
    import yaml

    # In C: the other loader takes seconds for this much text.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec, platform = yaml.load_all((Path(__file__).parent / f"{name}.yaml").read_text(), loader)
    set_image(spec, image)
    return spec, platform


def run_body(
    name: str, spec: Mapping[str, Any], platform: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of a request for a run.

    Args:
        name: The pipeline.
        spec: Its pipeline spec.
        platform: Its platform spec.
        arguments: Its inputs.
    """
    return {
        "display_name": f"{name} {arguments.get('model_name', '')}".strip(),
        "pipeline_spec": {"pipeline_spec": spec, "platform_spec": platform},
        "runtime_config": {"parameters": dict(arguments)},
    }


def recurring_run_body(run: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """Return the body of a request for runs in regular intervals, one at a time, none of them made up for."""
    return {
        **run,
        "mode": "ENABLE",
        "max_concurrency": "1",
        "no_catchup": True,
        "trigger": {"periodic_schedule": {"interval_second": str(seconds)}},
    }
