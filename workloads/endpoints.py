"""Endpoints: all that a workload may know of a platform.

They come from the JSON that `python -m infra outputs --stack STACK` prints. Keys read, all plain strings:
kubeconfig, gateway_url, gateway_domain, pipelines_namespace, tracking_namespace, models_namespace,
artifacts_destination, pipelines_bucket, object_store_region, workload_image. Other keys are ignored.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, cast

from workloads.errors import WorkloadsError

# Not beside the pipeline that uses it: importing that builds it, which takes seconds in a large program.
OBJECT_STORE_SECRET: Final = "mlpipeline-minio-artifact"  # noqa: S105 - a name
"""Secret in the namespace of the runs that opens the pipelines' bucket."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where one platform answers. Hosts of `gateway_domain` need no DNS: clients name them in a header."""

    kubeconfig: str
    """Path of a kubeconfig file."""
    gateway_url: str
    """Address of the gateway as this process reaches it, such as http://127.0.0.1:31234."""
    gateway_domain: str
    """Domain of every host that the gateway routes."""
    pipelines_namespace: str
    """Namespace of Kubeflow Pipelines and of its runs."""
    tracking_namespace: str
    """Namespace of MLflow."""
    models_namespace: str
    """Namespace of the inference services."""
    artifacts_destination: str
    """Where MLflow keeps artifacts, such as s3://mlflow."""
    pipelines_bucket: str
    """Bucket of pipeline artifacts, step logs and users' CSV files."""
    object_store_region: str
    """Region with which object store requests are signed."""
    workload_image: str
    """Image of the steps."""

    @property
    def pipelines_host(self) -> str:
        """Host of the Kubeflow Pipelines API."""
        return f"pipelines.{self.gateway_domain}"

    @property
    def tracking_host(self) -> str:
        """Host of the MLflow server."""
        return f"mlflow.{self.gateway_domain}"

    @property
    def objects_host(self) -> str:
        """Host of the object store."""
        return f"objects.{self.gateway_domain}"

    @property
    def prometheus_host(self) -> str:
        """Host of Prometheus."""
        return f"prometheus.{self.gateway_domain}"

    def model_host(self, name: str) -> str:
        """Host of one inference service."""
        return f"{name}-{self.models_namespace}.{self.gateway_domain}"


def parse(text: str) -> Endpoints:
    """Read endpoints from the JSON text of a stack's outputs."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise WorkloadsError(
            f"endpoints: not JSON ({error}); give the output of `python -m infra outputs`"
        ) from None
    outputs = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    names = [field.name for field in fields(Endpoints)]
    missing = [name for name in names if not isinstance(outputs.get(name), str)]
    if missing:
        raise WorkloadsError(
            f"endpoints: no {', '.join(missing)} among the stack's outputs; run `make up` first"
        )
    return Endpoints(**{name: str(outputs[name]) for name in names})


def of_stack(stack: str) -> Endpoints:
    """Ask the infrastructure program, as a command, for the outputs of a stack."""
    command = [sys.executable, "-m", "infra", "outputs", "--stack", stack]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or ["no output"]
        reason = lines[-1].removeprefix("error: ")
        raise WorkloadsError(f"stack {stack}: its endpoints cannot be read ({reason}); run `make up` first")
    return parse(finished.stdout)


def from_file(path: Path) -> Endpoints:
    """Read endpoints from a file that holds a stack's outputs."""
    if not path.is_file():
        raise WorkloadsError(
            f"endpoints file {path}: does not exist; write the stack's outputs there as JSON"
        )
    return parse(path.read_text())
