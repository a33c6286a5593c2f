"""A process of somebody else: stock clients, the platform's host names, and nothing of this repository."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import kfp

from workloads import tokens
from workloads.endpoints import Endpoints

# Their own settings would be ours too.
_HIDDEN = ("MLFLOW_", "KFP_", "KF_", "AWS_", "PYTHONPATH", "HTTP_", "HTTPS_", "NO_", "ALL_")


def tracking_uri(endpoints: Endpoints) -> str:
    """Return the address of MLflow for whoever can resolve the gateway's hosts."""
    return endpoints.url_by_name(endpoints.tracking_host)


def pipelines_client(endpoints: Endpoints) -> kfp.Client:
    """Return the stock client of somebody who cannot resolve the gateway's hosts."""
    token = tokens.token(endpoints) or None
    if endpoints.gateway_authority:
        return kfp.Client(
            host=endpoints.localhost_url, existing_token=token, ssl_ca_cert=endpoints.gateway_authority
        )
    host = f"http://{endpoints.pipelines_host}"
    return kfp.Client(host=host, existing_token=token, proxy=endpoints.gateway_url)


def tracking_token(endpoints: Endpoints) -> dict[str, str]:
    """Return the variable that gives MLflow's stock client a token, where there is a login."""
    token = tokens.token(endpoints)
    return {"MLFLOW_TRACKING_TOKEN": token} if token else {}


def run(endpoints: Endpoints, program: str, folder: Path, *arguments: str, **environment: str) -> str:
    """Run a Python program where the gateway's hosts resolve, and return what it printed.

    The names are in a hosts file that this process alone sees; it runs in a folder of its own. Where there
    is a login, the variable that MLflow's client reads holds a token.
    """
    address = urlsplit(endpoints.gateway_url).hostname
    hosts = (endpoints.tracking_host, endpoints.pipelines_host, endpoints.model_host("wine"))
    file = folder / "hosts"
    file.write_text(f"127.0.0.1 localhost\n{address} {' '.join(hosts)}\n")
    mount = f'mount --bind {file} /etc/hosts && exec "$@"'
    # A file: the kfp client reads the source of the functions that it compiles.
    script = folder / "stranger.py"
    script.write_text(program)
    own = {key: value for key, value in os.environ.items() if not key.upper().startswith(_HIDDEN)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, str(script), *arguments],
        cwd=folder,
        env={**own, "MLFLOW_DISABLE_TELEMETRY": "true", **tracking_token(endpoints), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
