"""Endpoints: everything that a workload may know about a platform.

They come from the JSON that `python -m infra outputs --stack STACK` prints: one key per field, with a string
value. Other keys are ignored.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Self, cast
from urllib.parse import urlsplit

from workloads.contract import TEAM_OUTPUT, Host, of_team
from workloads.errors import WorkloadsError


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Addresses of one platform. Its hosts need no DNS: clients connect to the gateway's address for them."""

    kubeconfig: str
    """Path of a kubeconfig file."""
    gateway_url: str
    """URL of the gateway as this process reaches it, such as http://127.0.0.1:31234, or https and a name."""
    gateway_domain: str
    """Domain of every host that the gateway routes."""
    pipelines_namespace: str
    """Namespace of runs, with the Secrets and volumes that pipelines name."""
    tracking_namespace: str
    """Namespace of MLflow."""
    models_namespace: str
    """Namespace of the InferenceServices."""
    artifacts_destination: str
    """Where MLflow stores artifacts, such as s3://mlflow."""
    pipelines_bucket: str
    """Bucket of pipeline artifacts, step logs and users' CSV files."""
    object_store_region: str
    """Region with which object store requests are signed."""
    workload_image: str
    """Image of the steps."""
    gateway_address: str = ""
    """Where to connect for every host of an https gateway; without it names are looked up as usual."""
    gateway_authority: str = ""
    """File of the authority of its certificate; empty where this machine's authorities know it."""
    identity_account: str = ""
    """Namespace and name of the account whose tokens the platform's login knows; empty without a login."""
    identity_issuer: str = ""
    """URL of the company's OpenID Connect issuer; empty where the login has a user of its own."""
    identity_client: str = ""
    """The platform's name at the issuer for clients without a secret."""
    identity_scopes: str = ""
    """What a client asks the issuer for, with spaces between."""
    identity_authority: str = ""
    """File of the authority of the issuer's certificate; empty where this machine's authorities know it."""
    local_model_url: str = ""
    """URL of the model server on a platform that is processes of this machine; empty behind a gateway."""

    team: str = ""
    """Team whose pipelines, experiments and models these are; empty for those of the stack itself."""

    @classmethod
    def parse(cls, text: str, team: str = "") -> Self:
        """Read endpoints from the JSON text of a stack's outputs.

        Args:
            text: JSON object.
            team: name of a team of the stack, or empty.

        Raises:
            WorkloadsError: the text is no JSON, lacks an output, or the stack has no such team; one line.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise WorkloadsError(
                f"endpoints: not JSON ({error}); give the output of `python -m infra outputs`"
            ) from None
        outputs = cast("dict[str, object]", document) if isinstance(document, dict) else {}
        if team:
            outputs = {**outputs, **_of_team(outputs, team), "team": team}
        names = [each.name for each in fields(cls) if each.default is MISSING or each.name in outputs]
        missing = [name for name in names if not isinstance(outputs.get(name), str)]
        if missing:
            raise WorkloadsError(
                f"endpoints: no {', '.join(missing)} among the stack's outputs; run `make up` first"
            )
        return cls(**{name: str(outputs[name]) for name in names})

    @classmethod
    def of_stack(cls, stack: str, team: str = "") -> Self:
        """Read the endpoints of a stack, or of a team, from the output of the infrastructure program."""
        command = [sys.executable, "-m", "infra", "outputs", "--stack", stack]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if finished.returncode:
            lines = finished.stderr.strip().splitlines() or ["no output"]
            reason = lines[-1].removeprefix("error: ")
            raise WorkloadsError(
                f"stack {stack}: its endpoints cannot be read ({reason}); run `make up` first"
            )
        return cls.parse(finished.stdout, team)

    @classmethod
    def from_file(cls, path: Path, team: str = "") -> Self:
        """Read the endpoints of a stack, or of a team of it, from a file with the stack's outputs."""
        if not path.is_file():
            raise WorkloadsError(
                f"endpoints file {path}: does not exist; write the stack's outputs there as JSON"
            )
        return cls.parse(path.read_text(), team)

    @property
    def localhost_url(self) -> str:
        """Address of the gateway for clients on this machine that cannot resolve its hosts."""
        parts = urlsplit(self.gateway_url)
        return f"{parts.scheme}://localhost:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    def url(self, host: str) -> str:
        """Return the URL of a host: with TLS by its name; else the gateway's, which reads the Host header."""
        if self.local_model_url and host != self.tracking_host:
            return self.local_model_url
        parts = urlsplit(self.gateway_url)
        return self.url_by_name(host) if parts.scheme == "https" else self.gateway_url

    def url_by_name(self, host: str) -> str:
        """Return the URL of a host of the gateway for whoever can resolve its name."""
        parts = urlsplit(self.gateway_url)
        return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"

    @property
    def pipelines_host(self) -> str:
        """Host of the Kubeflow Pipelines API."""
        return f"{of_team(Host.PIPELINES, self.team)}.{self.gateway_domain}"

    @property
    def tracking_host(self) -> str:
        """Host of MLflow: of the stack's own workspace, or of a team's."""
        return f"{of_team(Host.TRACKING, self.team)}.{self.gateway_domain}"

    @property
    def objects_host(self) -> str:
        """Host of the object store."""
        return Host.OBJECTS.below(self.gateway_domain)

    @property
    def prometheus_host(self) -> str:
        """Host of Prometheus; that of a team answers queries about the team's namespaces alone."""
        return f"{of_team(Host.PROMETHEUS, self.team)}.{self.gateway_domain}"

    def model_host(self, name: str) -> str:
        """Return the host of one InferenceService."""
        return f"{name}-{self.models_namespace}.{self.gateway_domain}"


def _of_team(outputs: Mapping[str, object], team: str) -> Mapping[str, object]:
    """Return the outputs of a team, which replace those of the stack."""
    found = outputs.get(f"{TEAM_OUTPUT}{team}")
    if isinstance(found, dict):
        return cast("dict[str, object]", found)
    names = sorted(each.removeprefix(TEAM_OUTPUT) for each in outputs if each.startswith(TEAM_OUTPUT))
    raise WorkloadsError(
        f"team {team}: the stack has no pipelines for it; it has teams: {', '.join(names) or 'none'}"
    )
