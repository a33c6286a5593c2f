"""Runs a command while MLflow on SQLite, a model server and a stand-in for KServe are on this machine."""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

import requests

from components.serving import runtime_families
from components.serving.runtime_families import RuntimeFamily
from components.versions import image_packages
from simulation.laptop import kserve_api, serving_environment
from simulation.laptop.kserve_api import KserveApi
from simulation.laptop.model_server import ModelServer
from simulation.laptop.process_group import ProcessGroup, last_line
from terminal.progress import Progress
from workloads import local_platforms
from workloads.contract import StepVariable
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import exempt_from_proxies
from workloads.wait import wait_for

ENDPOINTS: Final = "{endpoints}"
"""In an argument of the command it stands for the file with the platform's endpoints."""
_DOMAIN: Final = "laptop.localhost"
_NAMESPACE: Final = "models"
_RUNTIME: Final = "laptop"
_START_SECONDS: Final = 120


def hold(argv: Sequence[str], *, stay: bool = False) -> int:
    """Run a command while the platform exists; nothing of it is left afterwards, however this process ends.

    Args:
        argv: the command; `{endpoints}` in it becomes the file with the endpoints.
        stay: whether the platform goes on after the command, until an interrupt.

    Returns:
        The exit code of the command.

    Raises:
        WorkloadsError: a part of the platform does not start.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    progress = Progress("laptop")
    if not serving_environment.folder().exists():
        progress.line("installing the serving runtime's packages")
    serving_environment.python()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=local_platforms.FOLDER_PREFIX))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        group = stack.enter_context(ProcessGroup())
        tracking_port, model_port = free_ports(2)
        endpoints = endpoints_of(folder, tracking_port, model_port)
        exempt_from_proxies(endpoints.gateway_url)
        environment = environment_of(folder, endpoints)
        _start_tracking(group, folder, endpoints, environment)
        progress.line(f"MLflow is ready at {endpoints.gateway_url}")
        server = ModelServer(group, model_port, folder / "model-server.log")
        api = stack.enter_context(kserve_api.served(KserveApi(server, environment)))
        Path(endpoints.kubeconfig).write_text(kserve_api.kubeconfig(api))
        group.start(_delivery(folder, endpoints), environment, folder / "delivery.log")
        file = folder / local_platforms.ENDPOINTS_FILE
        file.write_text(json.dumps(asdict(endpoints)))
        command = [word.replace(ENDPOINTS, str(file)) for word in argv]
        code = group.start(command, environment).wait()
        if stay and code == 0:
            progress.line(f"goes on until Ctrl-C: MLflow at {endpoints.gateway_url}, model at {server.url}")
            progress.line(f"for other commands: --endpoints {file}")
            with suppress(KeyboardInterrupt):
                signal.pause()
        return code


def endpoints_of(folder: Path, tracking_port: int, model_port: int) -> Endpoints:
    """Return the endpoints of a platform whose files are in a folder."""
    return Endpoints(
        kubeconfig=str(folder / "kubeconfig"),
        gateway_url=f"http://127.0.0.1:{tracking_port}",
        gateway_domain=_DOMAIN,
        pipelines_namespace="runs",
        tracking_namespace="mlflow",
        models_namespace=_NAMESPACE,
        artifacts_destination=(folder / "artifacts").as_uri(),
        pipelines_bucket="",
        object_store_region="",
        workload_image="python",
        local_model_url=f"http://127.0.0.1:{model_port}",
    )


def environment_of(folder: Path, endpoints: Endpoints) -> dict[str, str]:
    """Return the environment of every process: this one's, without its MLflow, and what steps get."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    image = serving_environment.IMAGE.name
    held = image_packages(image)
    packages = {runtime_families.DEFAULT: held} | {
        family: {**held, **image_packages(f"{image}-{family}")} for family in serving_environment.FAMILIES
    }
    families = [RuntimeFamily(name=name, image="", packages=each) for name, each in packages.items()]
    runtimes = dict.fromkeys(packages, _RUNTIME)
    steps: Mapping[StepVariable, str] = {
        StepVariable.TRACKING_URI: endpoints.gateway_url,
        StepVariable.ARTIFACTS_DESTINATION: endpoints.artifacts_destination,
        StepVariable.MODELS_NAMESPACE: endpoints.models_namespace,
        StepVariable.MODELS_SERVICE_ACCOUNT: "models",
        StepVariable.SERVING_RUNTIME: _RUNTIME,
        StepVariable.SERVING_RUNTIMES: runtime_families.described(families, runtimes),
        StepVariable.GATEWAY_URL: endpoints.local_model_url,
        StepVariable.GATEWAY_DOMAIN: endpoints.gateway_domain,
        StepVariable.S3_ENDPOINT: "",
        StepVariable.S3_REGION: "",
        StepVariable.PAYLOADS: "",
    }
    return {
        **inherited,
        **{key.value: value for key, value in steps.items()},
        "KUBECONFIG": endpoints.kubeconfig,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Programs that end at once leave no temporary file where nobody would look for it.
        "TMPDIR": str(folder),
    }


def _delivery(folder: Path, endpoints: Endpoints) -> list[str]:
    """Return the command of the delivery controller; there is no gateway whose counters it could read."""
    settings = {
        "tracking": {endpoints.models_namespace: endpoints.gateway_url},
        "domain": endpoints.gateway_domain,
        "gateway": {"name": "none", "namespace": "none"},
        "gatewayPods": "",
        "defaults": {},
        "predictorUrl": endpoints.local_model_url,
    }
    file = folder / "delivery.json"
    file.write_text(json.dumps(settings))
    return [sys.executable, "-m", "delivery.rollouts", str(file)]


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _start_tracking(
    group: ProcessGroup, folder: Path, endpoints: Endpoints, environment: Mapping[str, str]
) -> None:
    """Start MLflow's own server and wait until it answers."""
    url = endpoints.gateway_url
    address = url.removeprefix("http://")
    command = [sys.executable, "-m", "mlflow", "server", "--workers=1", "--serve-artifacts"]
    command += ["--host=127.0.0.1", f"--port={address.rpartition(':')[2]}"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db"]
    command += [f"--artifacts-destination={endpoints.artifacts_destination}"]
    settings = {
        # The steps reach it by address, clients like a platform's, by host.
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{address},{endpoints.tracking_host}",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_MODEL_CATALOG_URI": "",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    log = folder / "mlflow.log"
    process = group.start(command, {**environment, **settings}, log)

    def probe() -> str | None:
        if process.poll() is not None:
            raise WorkloadsError(f"MLflow ended: {last_line(log) or 'no output'}")
        try:
            return None if requests.get(f"{url}/health", timeout=5).ok else "does not answer"
        except requests.RequestException:
            return "does not listen"

    wait_for("MLflow", probe, timeout_seconds=_START_SECONDS, interval_seconds=0.2)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
