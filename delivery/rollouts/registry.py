"""The registry's alias of the version that serves. MLflow's own client would cost a third of the memory."""

from typing import Any, Final

import requests

CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
_API: Final = "/api/2.0/mlflow/registered-models"
_SECONDS: Final = 5


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
                f"{self._url}{_API}/alias", params={"name": model_name, "alias": CHAMPION}, timeout=_SECONDS
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
            return self._session.post(f"{self._url}{_API}/alias", json=body, timeout=_SECONDS).ok
        except requests.RequestException:
            return False
