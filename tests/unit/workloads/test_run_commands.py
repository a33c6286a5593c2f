"""Commands that run other pipelines than the first: searches, and predictions of tables."""

import os
from dataclasses import replace
from typing import Any

import pytest

from tests.fixtures.models import COMPLETE
from tests.fixtures.platforms import ENDPOINTS
from tests.unit.workloads.shown import RUN
from workloads import __main__ as command
from workloads import local_platforms, local_runs, predictions
from workloads.embeddings import commands as embeddings
from workloads.lineage import HeldBack
from workloads.predictions import Predictions

TUNE_COMMAND = ["run", "tune", "--data", "wine"]


def test_a_search_is_submitted_with_its_choices_and_shown_with_its_best_trial(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    summary = "trial 4 of 12 (3 pruned): f1 0.9670 in 5 folds with regularization 0.34828"
    platform["lineage"] = replace(COMPLETE, search_tags={"search.summary": summary})
    chosen = ["--trials", "12", "--sampler", "random", "--search", "regularization=0.01..10"]
    gate = ["--objective", "f1", "--threshold", "0.8", "--seed", "3", "--early-stopping"]
    assert command.main([*TUNE_COMMAND, *chosen, *gate, *platform["arguments"]]) == 0
    arguments = platform["arguments_of_run"]
    assert "regularization" not in arguments
    names = ("trials", "sampler", "search", "early_stopping", "objective", "threshold", "seed")
    assert [arguments[name] for name in names] == [
        12,
        "random",
        ["regularization=0.01..10"],
        True,
        "f1",
        0.8,
        3,
    ]
    shown = capsys.readouterr().out
    assert f"model      wine version 3, pipeline run p2\nsearched   {summary}\n" in shown


@pytest.mark.parametrize("where", ["platform", "laptop"])
@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        (["--trials", "0"], "trials 0: give at least 1"),
        (["--sampler", "grid"], "sampler 'grid': unknown; give one of random, tpe, cmaes"),
        (["--engine", "spark"], "engine 'spark': unknown; give one of auto, optuna, katib"),
        (
            ["--search", "regularization=2..1"],
            "search 'regularization=2..1': empty, 2 is above 1; give LOW..",
        ),
        (["--search", "regularization=1"], "search: every parameter of linear is fixed, nothing is left to "),
        (["--objective", "f2", "--threshold", "1"], "objective 'f2': no metric; there are of a "),
        (["--objective", "f1"], "objective 'f1': give the threshold that it must reach as well"),
    ],
)
def test_a_search_that_could_find_nothing_is_refused_before_anything_runs(
    platform: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chosen: list[str],
    reason: str,
    where: str,
) -> None:
    become: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *_: become.append(1))
    given = platform["arguments"] if where == "platform" else ["--local"]
    assert command.main([*TUNE_COMMAND, *chosen, *given]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {reason}")
    assert error.count("\n") == 1
    assert not become
    assert platform["submitted"] == []


def test_a_local_search_is_held_by_the_stand_in_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: become.append(command))
    command.main([*TUNE_COMMAND, "--local", "--trials", "3"])
    (held,) = become
    assert held[1:5] == ["-m", "simulation.laptop", "hold", "--"]
    assert held[8:] == [*TUNE_COMMAND, "--local", "--trials", "3", "--endpoints", "{endpoints}"]


PREDICTIONS = Predictions(
    pipeline_run_id="p2",
    model_name="wine",
    tags={
        "model.version": "3",
        "model.digest": "m1",
        "data.sha256": "d1",
        "predictions.sha256": "s1",
        "predictions.uri": "s3://pipelines/predictions/wine/p2.csv",
    },
    metrics={"rows": 1_000_000.0, "seconds": 20.0, "rows_per_second": 50_000.0},
    mlflow_run_id="r1",
    dataset_sha256="d1",
    registered_digest="m1",
    written={"sha256": "s1", "mlflow-run-id": "r1", "pipeline-run-id": "p2"},
)
PREDICT_COMMAND = ["run", "predict_batch", "--data", "s3://pipelines/a.csv", "--name", "wine"]


@pytest.mark.parametrize(
    ("found", "code", "error"),
    [
        (PREDICTIONS, 0, ""),
        (
            replace(PREDICTIONS, registered_digest="m0"),
            1,
            "error: predictions of wine: their lineage is broken: predictions -> model: 'm0', not 'm1'\n",
        ),
    ],
)
def test_a_table_is_predicted_and_shown_with_its_lineage(
    platform: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: Predictions,
    code: int,
    error: str,
) -> None:
    asked: list[Any] = []

    def prepare(_: Any, data: str, name: str, **choices: Any) -> dict[str, Any]:
        asked.append((data, name, choices))
        return {"data": data, "model_name": name}

    monkeypatch.setattr(predictions, "prepare", prepare)
    monkeypatch.setattr(predictions, "trace", lambda *_: found)
    chosen = ["--version", "3", "--keep", "id", "--keep", "the day"]
    assert command.main([*PREDICT_COMMAND, *chosen, *platform["arguments"]]) == code
    assert asked == [
        ("s3://pipelines/a.csv", "wine", {"version": "3", "output": "", "keep": ["id", "the day"]}),
    ]
    assert platform["submitted"] == [False]
    shown = capsys.readouterr()
    assert shown.err == error
    assert "model      wine version 3, pipeline run p2\n" in shown.out
    assert "predicted  1000000 rows in 20.0 s, 50000 in a second\n" in shown.out
    assert "output     s3://pipelines/predictions/wine/p2.csv\n" in shown.out


def test_a_run_of_predictions_that_fails_is_one_line(
    platform: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predictions, "prepare", lambda *_, **__: {})
    platform["run"] = replace(RUN, state="FAILED", reason="predict-table: data: no column 'x'")
    assert command.main([*PREDICT_COMMAND, *platform["arguments"]]) == 1
    assert capsys.readouterr().err == "error: pipeline run p2: FAILED: predict-table: data: no column 'x'\n"


def test_a_table_is_predicted_on_the_platform_of_this_machine_that_goes_on(
    platform: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def prepare(found: Any, *_: Any, **__: Any) -> dict[str, Any]:
        asked.append(found)
        return {}

    local = replace(ENDPOINTS, local_model_url="http://127.0.0.1:5002")
    monkeypatch.setattr(local_platforms, "running", lambda: local)
    monkeypatch.setattr(predictions, "prepare", prepare)
    monkeypatch.setattr(predictions, "trace", lambda *_: PREDICTIONS)
    monkeypatch.setattr(local_runs, "run", lambda *_, **__: RUN)
    assert command.main([*PREDICT_COMMAND, "--local"]) == 0
    assert asked == [local]
    assert platform["submitted"] == []
    assert command.main([*PREDICT_COMMAND, "--local", *platform["arguments"]]) == 1
    assert capsys.readouterr().err == (
        "error: --local and --stay: are not for a platform; give --local without --endpoints\n"
    )


VECTORS = HeldBack(
    features=["text"],
    classes=[],
    rows=[["food"], ["bread"]],
    labels=["0", "0"],
    predicted=[[0.6, 0.8, 0.0, 0.0], [0.8, -0.6, 0.0, 0.0]],
    probabilities=[],
    kinds=["text"],
    tolerance=1e-6,
)
EMBED_COMMAND = ["run", "embed", "--name", "texts"]


@pytest.mark.parametrize(("off", "code"), [(5e-7, 0), (2e-6, 1)])
def test_a_published_encoder_is_served_and_shown_with_its_first_vector(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str], off: float, code: int
) -> None:
    platform["evidence"] = VECTORS
    platform["served"] = [[value + off for value in row] for row in VECTORS.predicted]
    assert command.main([*EMBED_COMMAND, "--no-cache", *platform["arguments"]]) == code
    assert platform["submitted"] == [False]
    assert platform["arguments_of_run"] == embeddings.inputs("texts", replace=False)
    shown = capsys.readouterr()
    assert f"of embed on {embeddings.DATA}\n" in shown.out
    assert "expected   0.6, 0.8, 0.0, … (4 values)\n" in shown.out
    assert f"held back  2 vectors within {off:.1e}\n" in shown.out
    wrong = "error: model texts: predictions differ from those at training time\n"
    assert shown.err == (wrong if code else "")


def test_an_encoder_takes_no_name_of_another_model_and_does_not_run_on_a_laptop(
    platform: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    platform["owner"] = "wine"
    assert command.main([*EMBED_COMMAND, *platform["arguments"]]) == 1
    assert command.main([*EMBED_COMMAND, "--local"]) == 1
    assert capsys.readouterr().err == (
        f"error: name 'texts': its model is trained on wine, not {embeddings.DATA}; "
        "give another --name, or --replace it\n"
        "error: --local: a laptop has no serving runtime for embeddings; "
        "run embed on a platform whose plinth:serving.runtimes has onnx\n"
    )
    assert platform["submitted"] == []
