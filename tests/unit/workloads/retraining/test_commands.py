"""`python -m workloads run retrain`."""

from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from workloads import __main__ as command
from workloads import pipeline_runs, tracking
from workloads.errors import WorkloadsError
from workloads.retraining.commands import interval_of

VERSION = SimpleNamespace(
    version="3", run_id="training", tags={"data.uri": "wine", "gate.run_id": "evaluation"}
)
PARAMS = {
    "target": "target",
    "family": "random_forest",
    "task": "classification",
    "seed": "5",
    "max_depth": "4",
}


class Mlflow:
    """A registry with one champion."""

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        if (name, alias) != ("wine", "champion"):
            raise MlflowException("Registered model alias champion not found.")
        return VERSION

    def get_run(self, run_id: str) -> Any:
        data = {
            "training": SimpleNamespace(params=PARAMS, tags={}),
            "evaluation": SimpleNamespace(params={}, tags={"gate.minimum_accuracy": "0.9"}),
        }
        return SimpleNamespace(data=data[run_id])


@pytest.fixture(autouse=True)
def mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "connect", lambda _: Mlflow())


def retrain(platform: dict[str, Any], *arguments: str, name: str = "wine") -> int:
    return command.main(["run", "retrain", "--name", name, *arguments, *platform["arguments"]])


def test_the_run_is_like_that_of_the_champion_in_a_window(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert retrain(platform, "--begin", "2026-11-30", "--end", "2026-12-01", "--minimum-rows", "50") == 0
    assert platform["arguments_of_run"] == {
        "model_name": "wine",
        "data": "wine",
        "target": "target",
        "task": "classification",
        "family": "random_forest",
        "regularization": 1.0,
        "parameters": '{"max_depth": 4.0}',
        "seed": 5,
        "objective": "accuracy",
        "threshold": 0.9,
        "begin": "2026-11-30",
        "end": "2026-12-01",
        "minimum_rows": 50,
        "reason": "retrain: by hand",
    }
    assert "pipeline run p2 of retrain on wine\n" in capsys.readouterr().out


def test_what_is_chosen_by_hand_comes_first(platform: dict[str, Any]) -> None:
    assert retrain(platform, "--family", "linear", "--threshold", "0.7", "--reason", "new cellar") == 0
    found = platform["arguments_of_run"]
    assert (found["family"], found["parameters"], found["threshold"]) == ("linear", "", 0.7)
    assert found["reason"] == "retrain: new cellar"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--begin", "soon"], "begin 'soon': no time; give ISO 8601"),
        (["--minimum-rows", "0"], "minimum rows 0: give at least 1"),
        (["--family", "forest"], "family 'forest': unknown; give one of"),
        (["--objective", "r2"], "objective 'r2': no metric of a classification"),
        (["--every", "1w"], "every '1w': no interval; give hours or days"),
    ],
)
def test_what_could_not_run_is_one_line_and_nothing_is_submitted(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert retrain(platform, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {reason}")
    assert error.count("\n") == 1
    assert platform["submitted"] == []


def test_a_model_without_a_champion_is_one_line(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert retrain(platform, name="beer") == 1
    assert capsys.readouterr().err.startswith("error: model beer: has no champion to train again (Registered")


@pytest.mark.parametrize(("every", "seconds"), [("12h", 43200), ("7d", 604800), ("0", 0)])
def test_a_schedule_is_the_platforms(
    platform: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    every: str,
    seconds: int,
) -> None:
    asked: list[Any] = []

    def schedule(_: Any, name: str, arguments: dict[str, Any], *, seconds: int) -> str:
        asked.append((name, arguments["begin"], seconds))
        return "s1" if seconds else ""

    monkeypatch.setattr(pipeline_runs, "schedule", schedule)
    assert retrain(platform, "--every", every) == 0
    assert asked == [("retrain", "", seconds)]
    assert platform["submitted"] == []
    said = "recurring run s1 of retrain wine, every" if seconds else "retrain wine is not repeated any more"
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize("text", ["", "12", "h", "-1d", "1.5h", "0h"])
def test_an_interval_is_of_whole_hours_or_days(text: str) -> None:
    with pytest.raises(
        WorkloadsError, match=r"no interval; give hours or days such as 12h or 7d, or 0 to end it"
    ):
        interval_of(text)
