"""The command that serves several models from one predictor."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fixtures.models import SERVED
from tests.fixtures.platforms import OUTPUTS
from workloads import __main__ as command
from workloads import tracking
from workloads.errors import WorkloadsError
from workloads.serving import shared_predictor, sharing


class Registry:
    """Knows wine, whose champion is version 3, and iris, which has none."""

    def search_registered_models(self, query: str, max_results: int) -> list[str]:
        assert max_results == 1
        return ["wine"] if "'wine'" in query else []

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        assert (name, alias) == ("wine", "champion")
        return SimpleNamespace(version=3)

    def get_model_version(self, name: str, version: str) -> Any:
        assert name == "iris"
        return SimpleNamespace(version=int(version))


def run(tmp_path: Path, *arguments: str) -> int:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(OUTPUTS))
    return command.main(["share", *arguments, "--endpoints", str(file)])


def test_a_model_has_a_version_or_is_the_champion() -> None:
    assert sharing.parse(["wine", "iris@2"]) == {"wine": "champion", "iris": "2"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [(["wine@"], "give MODEL or MODEL@VERSION"), (["@3"], "give MODEL"), (["wine", "wine@2"], "given twice")],
)
def test_what_names_no_models_is_refused(given: list[str], reason: str) -> None:
    with pytest.raises(WorkloadsError, match=reason):
        sharing.parse(given)


def test_models_are_deployed_by_number_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def deploy(_: object, name: str, versions: dict[str, str], *, timeout_seconds: float) -> list[Any]:
        asked.append((name, versions, timeout_seconds))
        return [SERVED]

    monkeypatch.setattr(shared_predictor, "deploy_together", deploy)
    monkeypatch.setattr(tracking, "connect", lambda _: Registry())
    assert run(tmp_path, "small", "wine", "iris@2", "--timeout-seconds", "60") == 0
    assert asked == [("small", {"wine": "3", "iris": "2"}, 60)]
    assert capsys.readouterr().out.splitlines() == [
        "predictor small serves 1 models at http://small-models.plinth.localhost:31234",
        "  /v1/models/wine:predict  version 3",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["small"], "predictor small: no models; give at least one, or --remove"),
        (["small", "wine", "--remove"], "--remove takes the predictor alone"),
        (["wine", "iris@2"], "predictor wine: a model has that name, and its host; give another"),
        (["wine-v3", "iris@2"], "ends as versions of a model do"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.setattr(tracking, "connect", lambda _: Registry())
    assert run(tmp_path, *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


def test_a_predictor_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shared_predictor, "remove", lambda _, name: {"iris": "2", "wine": "3"})
    assert run(tmp_path, "small", "--remove") == 0
    assert capsys.readouterr().out == "predictor small of iris, wine is removed\n"
