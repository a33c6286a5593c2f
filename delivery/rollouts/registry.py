"""What the registry says of versions: which one serves, and how each rollout ended.

By MLflow's REST API: its own client would cost as much memory as everything else here.
"""

from typing import Any, Final

import requests

CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
_MODELS: Final = "/api/2.0/mlflow/registered-models"
_VERSIONS: Final = "/api/2.0/mlflow/model-versions"
_SECONDS: Final = 5
_UNKNOWN: Final = 404
# The registry's own limit.
_TAG_CHARACTERS: Final = 5000


class Registry:
    """Aliases of models in one MLflow."""

    def __init__(self, url: str) -> None:
        """Use the MLflow at this URL; nothing is sent yet."""
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # A proxy of the environment is for addresses elsewhere.
        self._session.trust_env = False

    def champion(self, model_name: str) -> str | None:
        """Return the version with the alias champion; empty without one, None if MLflow does not answer."""
        try:
            answer = self._session.get(
                f"{self._url}{_MODELS}/alias",
                params={"name": model_name, "alias": CHAMPION},
                timeout=_SECONDS,
            )
        except requests.RequestException:
            return None
        if answer.ok:
            return str(answer.json()["model_version"]["version"])
        return "" if answer.status_code in (400, 404) else None

    def set_alias(self, model_name: str, alias: str, version: str) -> bool:
        """Give a version an alias; return whether MLflow has done so."""
        body: dict[str, Any] = {"name": model_name, "alias": alias, "version": version}
        try:
            return self._session.post(f"{self._url}{_MODELS}/alias", json=body, timeout=_SECONDS).ok
        except requests.RequestException:
            return False

    def set_tag(self, model_name: str, version: str, key: str, value: str) -> bool:
        """Tag a version; return whether that is done, or never can be, as the version is not registered."""
        body = {"name": model_name, "version": version, "key": key, "value": value[:_TAG_CHARACTERS]}
        try:
            answer = self._session.post(f"{self._url}{_VERSIONS}/set-tag", json=body, timeout=_SECONDS)
        except requests.RequestException:
            return False
        return answer.ok or answer.status_code == _UNKNOWN
