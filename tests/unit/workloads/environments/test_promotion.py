"""The command that promotes a version: what it refuses before it asks anybody."""

import json
from pathlib import Path

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads import __main__ as command


def _outputs(folder: Path, name: str, **changes: str) -> str:
    file = folder / f"{name}.json"
    team = {"team_blue": {"tracking_namespace": "mlflow-blue"}}
    file.write_text(json.dumps({**OUTPUTS, **team, **changes}))
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["wine-v7", "7"], "name 'wine-v7': ends as versions of a model do; give another name"),
        (["wine", "champion"], "'champion': is not the number of a version"),
        (["wine", "7", "--steps", "100:1"], "steps: '100:1' is no share and time: "),
        (
            ["wine", "7"],
            "source and target are one MLflow, mlflow.plinth.localhost: give another platform or team",
        ),
        (
            ["wine", "7", "--to-team", "red"],
            "team red: the stack has no pipelines for it; ",
        ),
    ],
)
def test_what_cannot_be_promoted_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    places = ["--endpoints", _outputs(tmp_path, "source"), "--to-endpoints", _outputs(tmp_path, "target")]
    assert command.main(["promote", *arguments, *places]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {reason}")
    assert (shown.err.count("\n"), shown.out) == (1, "")


def test_teams_of_one_platform_are_different_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing listens there, so that it ends with the source's answer.
    place = _outputs(tmp_path, "platform", gateway_url="http://127.0.0.1:9")
    given = ["--endpoints", place, "--to-endpoints", place, "--to-team", "blue"]
    assert command.main(["promote", "wine", "7", *given]) == 1
    assert "model wine: version 7 is not to be had from the source" in capsys.readouterr().err


@pytest.mark.parametrize("place", [[], ["--to", "prod", "--to-endpoints", "prod.json"]])
def test_there_is_one_target(capsys: pytest.CaptureFixture[str], place: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["promote", "wine", "7", *place])
    assert "--to" in capsys.readouterr().err
