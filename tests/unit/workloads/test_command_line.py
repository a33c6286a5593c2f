"""`python -m workloads`: its output and exit code."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.models import COMPLETE
from tests.fixtures.platforms import OUTPUTS
from tests.unit.workloads.shown import EVIDENCE, RUN
from workloads import __main__ as command
from workloads import local_runs
from workloads.pipeline_runs import PipelineRun

RUN_COMMAND = ["run", "train_register_serve", "--data", "wine"]


def test_a_run_ends_with_a_prediction_and_its_expected_value(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*RUN_COMMAND, *platform["arguments"]]) == 0
    shown = capsys.readouterr().out
    assert "train          Succeeded     7.0 s  cached" in shown
    assert "model      wine version 3, pipeline run p2" in shown
    assert "predicted  a with probability 0.75\nexpected   a with probability 0.75\n" in shown
    assert "2 of 2 classes equal, probabilities within 0.0e+00" in shown
    assert platform["submitted"] == [True]


def test_a_champion_that_is_served_is_only_shown(platform: dict[str, Any]) -> None:
    platform["serves_champion"] = True
    assert command.main([*RUN_COMMAND, "--unless-served", *platform["arguments"]]) == 0
    assert platform["submitted"] == []
    platform["serves_champion"] = False
    assert command.main([*RUN_COMMAND, "--unless-served", "--no-cache", *platform["arguments"]]) == 0
    assert platform["submitted"] == [False]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            {"run": replace(RUN, state="FAILED", reason="train: out of luck")},
            "error: pipeline run p2: FAILED: train: out of luck\n",
        ),
        (
            {"served": [[0.75, 0.25], [0.875, 0.125]]},
            "error: model wine: predictions differ from those at training time\n",
        ),
        (
            {"lineage": replace(COMPLETE, predictor_digest="d0")},
            "error: model wine: its lineage is broken: predictor -> digest: 'd0', not 'd1'\n",
        ),
    ],
)
def test_a_wrong_result_is_one_line_and_exit_1(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str], change: dict[str, Any], error: str
) -> None:
    platform.update(change)
    assert command.main([*RUN_COMMAND, *platform["arguments"]]) == 1
    assert capsys.readouterr().err == error


def test_bad_data_is_refused_before_anything_is_submitted(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "train_register_serve", "--data", "whine", *platform["arguments"]]
    assert command.main(arguments) == 1
    assert capsys.readouterr().err.startswith("error: data whine: unknown; give wine, ")
    assert platform["submitted"] == []


def test_missing_endpoints_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main(["show", "--endpoints", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_name_that_other_data_has_is_refused_unless_it_may_be_replaced(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    platform["owner"] = "s3://b/other.csv"
    named = [*RUN_COMMAND, "--name", "sales", *platform["arguments"]]
    assert command.main(named) == 1
    assert capsys.readouterr().err == (
        "error: name 'sales': its model is trained on s3://b/other.csv, not wine; "
        "give another --name, or --replace it\n"
    )
    assert platform["submitted"] == []
    assert command.main([*named, "--replace"]) == 0
    assert platform["arguments_of_run"]["model_name"] == "sales"
    assert platform["arguments_of_run"]["replace"] is True


def test_a_name_that_no_model_can_have_is_refused(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["show", "--name", "Ä", *platform["arguments"]]) == 1
    assert capsys.readouterr().err.startswith("error: name 'Ä': give at most 40 small Latin letters")


def test_who_calls_the_model_over_tls_is_told_whom_to_trust(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "outputs.json"
    tls = {
        "gateway_url": "https://127.0.0.1:8080",
        "gateway_address": "127.0.0.1",
        "gateway_authority": str(file),
    }
    file.write_text(json.dumps({**OUTPUTS, **tls}))
    assert command.main(["show", *platform["arguments"]]) == 0
    shown = capsys.readouterr().out
    assert "answers at https://wine-models.plinth.localhost:8080/v1/models/wine:predict\n" in shown
    assert f"try it     curl --cacert {file} --connect-to ::127.0.0.1: " in shown
    assert "http://" not in shown


@pytest.mark.parametrize(("served", "code"), [([1e6, 2.5], 0), ([1e6 + 1e-2, 2.5], 1)])
def test_a_regression_shows_a_quantity(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str], served: list[float], code: int
) -> None:
    platform["evidence"] = replace(
        EVIDENCE, classes=[], labels=[1e6, 2.0], predicted=[1e6, 2.5], probabilities=[]
    )
    platform["served"] = served
    assert command.main(["show", *platform["arguments"]]) == code
    shown = capsys.readouterr()
    assert f"predicted  {served[0]!r}\nexpected   1000000.0\nheld back  2 quantities" in shown.out
    assert ("predictions differ" in shown.err) == bool(code)


def test_a_local_run_is_held_by_the_stand_in_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: become.append(command))
    command.main([*RUN_COMMAND, "--local", "--stay"])
    (held,) = become
    assert held[1:5] == ["-m", "simulation.laptop", "hold", "--stay"]
    assert held[5:] == [
        "--",
        sys.executable,
        "-m",
        "workloads",
        *RUN_COMMAND,
        "--local",
        "--stay",
        "--endpoints",
        "{endpoints}",
    ]


def test_inside_it_the_pipeline_is_run_by_the_local_runner(
    platform: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran: list[tuple[str, str]] = []

    def run(name: str, arguments: dict[str, Any], image: str, **_: Any) -> PipelineRun:
        ran.append((name, arguments["data"]))
        return RUN

    monkeypatch.setattr(local_runs, "run", run)
    file = tmp_path / "local.json"
    file.write_text(json.dumps({**OUTPUTS, "local_model_url": "http://127.0.0.1:5002"}))
    assert command.main([*RUN_COMMAND, "--local", "--endpoints", str(file)]) == 0
    assert ran == [("train_register_serve", "wine")]
    assert platform["submitted"] == []
    shown = capsys.readouterr().out
    assert "answered at http://127.0.0.1:5002/v1/models/wine:predict\n" in shown
    assert "predicted  a with probability 0.75\nexpected   a with probability 0.75\n" in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--local", "--data", "s3://pipelines/a.csv"],
            "data s3://pipelines/a.csv: is not on this machine; ",
        ),
        (["--local", "--name", "Wine"], "name 'Wine': give "),
        (["--local", "--family", "forest"], "family 'forest': unknown; give one of linear, random_forest, "),
        (["--local", "--objective", "f2", "--threshold", "1"], "objective 'f2': no metric; there are of a "),
        (["--local", "--endpoints"], "--local and --stay: are not for a platform"),
        (["--stay", "--endpoints"], "--local and --stay: are not for a platform"),
    ],
)
def test_what_a_laptop_does_not_have_is_refused_before_anything_starts(
    platform: dict[str, Any],
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    become: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *_: become.append(1))
    file: list[str] = platform["arguments"][1:] if arguments[-1] == "--endpoints" else []
    assert command.main(["run", "train_register_serve", *arguments, *file]) == 1
    assert capsys.readouterr().err.startswith(f"error: {reason}")
    assert not become
    assert platform["submitted"] == []


@pytest.mark.parametrize(("name", "continues"), [("login", False), ("run", True)])
def test_an_interrupt_says_what_goes_on(
    platform: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    continues: bool,
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Endpoints, "from_file", interrupt)
    given = RUN_COMMAND if name == "run" else [name]
    assert command.main([*given, *platform["arguments"]]) == 130
    assert ("a pipeline run that was submitted continues" in capsys.readouterr().err) == continues


def test_the_family_and_what_decides_are_inputs_of_the_run(platform: dict[str, Any]) -> None:
    chosen = ["--family", "lightgbm", "--objective", "f1", "--threshold", "0.8"]
    assert command.main([*RUN_COMMAND, *chosen, *platform["arguments"]]) == 0
    arguments = platform["arguments_of_run"]
    assert [arguments[name] for name in ("family", "objective", "threshold")] == ["lightgbm", "f1", 0.8]


def test_an_objective_of_the_other_task_is_refused_once_the_data_is_known(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--objective", "rmse", "--threshold", "2"]
    assert command.main([*RUN_COMMAND, *chosen, *platform["arguments"]]) == 1
    assert capsys.readouterr().err.startswith(
        "error: objective 'rmse': no metric of a classification; there are "
    )
    assert platform["submitted"] == []
