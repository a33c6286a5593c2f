"""User of the registry: resolves an alias to a version and downloads all of its files."""

from typing import ClassVar
from urllib.parse import quote

from loadtests.errors import LoadtestError
from loadtests.platform_access import MLFLOW
from loadtests.users.open_loop import OpenLoopUser, WrongAnswerError
from workloads.serving.artifacts import digest_of_files

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


class RegistryUser(OpenLoopUser):
    """A program that loads the current model at its start."""

    host_name: ClassVar[str]
    query: ClassVar[str]
    version: ClassVar[str]

    @classmethod
    def prepare(cls) -> None:
        """Resolve the alias once, to know the expected version."""
        cls.host_name = cls.access.endpoints.tracking_host
        cls.query = f"name={quote(cls.access.model)}&alias={quote(cls.access.alias)}"
        path = f"{MLFLOW}/registered-models/alias?{cls.query}"
        resolved = cls.access.call("GET", cls.host_name, path).json()
        cls.version = resolved["model_version"]["version"]
        location = cls._location(cls.access.call("GET", cls.host_name, cls._download_uri()).json())
        if not location:
            raise LoadtestError(
                f"model {cls.access.model}: MLflow does not proxy its artifacts; they cannot be loaded here"
            )

    @classmethod
    def _download_uri(cls) -> str:
        name = quote(cls.access.model)
        return f"{MLFLOW}/model-versions/get-download-uri?name={name}&version={cls.version}"

    @staticmethod
    def _location(answer: dict[str, str]) -> str:
        """Return the folder of a version in the proxied store; empty if artifacts are not proxied."""
        scheme, _, rest = answer["artifact_uri"].partition(":")
        if scheme != "mlflow-artifacts":
            return ""
        return rest.removeprefix("//").partition("/")[2] if rest.startswith("//") else rest.strip("/")

    def perform(self, operation: str) -> None:
        """Load the model once."""
        del operation
        version = self.send_json(
            "GET",
            f"{MLFLOW}/registered-models/alias?{self.query}",
            host=self.host_name,
            name="resolve alias",
        )["model_version"]
        if version["version"] != self.version:
            raise WrongAnswerError(f"the alias names version {version['version']}, not {self.version}")
        digest = {tag["key"]: tag["value"] for tag in version.get("tags", [])}.get("model.digest")
        location = self._location(
            self.send_json("GET", self._download_uri(), host=self.host_name, name="locate")
        )
        names = self._files(location, "")
        files = [
            (
                name,
                self.send("GET", f"{_ARTIFACTS}/{location}/{quote(name)}", host=self.host_name, name="file")[
                    0
                ],
            )
            for name in names
        ]
        if not files or digest_of_files(files) != digest:
            raise WrongAnswerError("the downloaded files are not those that were registered")

    def _files(self, location: str, folder: str) -> list[str]:
        """Return the paths of a model's files, relative to its folder."""
        path = f"{location}/{folder}".rstrip("/")
        listed = self.send_json(
            "GET", f"{_ARTIFACTS}?path={quote(path)}", host=self.host_name, name="list files"
        )
        names: list[str] = []
        for entry in listed.get("files", []):
            name = f"{folder}/{entry['path']}".lstrip("/")
            names.extend(self._files(location, name) if entry["is_dir"] else [name])
        return names
