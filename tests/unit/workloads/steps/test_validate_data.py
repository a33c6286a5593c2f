"""Data that no model can be trained on."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from workloads.steps import validate_data

VALIDATE: Any = validate_data.validate_data
GOOD = "size,weight,kind\n" + "".join(f"{n},{n}.5,{'ab'[n % 2]}\n" for n in range(8))


def validate(folder: Path, content: str | bytes, target: str = "kind", **choices: str) -> Any:
    file = folder / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = dsl.Dataset(uri=str(file))
    return VALIDATE.python_func(dataset=dataset, data_sha256="any", target=target, **choices)


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD + "\n\n", GOOD.replace("0.5,a", '"0.5","a"')],
)
def test_good_data_is_counted(tmp_path: Path, content: str) -> None:
    assert tuple(validate(tmp_path, content)) == (8, 2, 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "data: empty; give a CSV file with a header line and rows"),
        ("\n\n", "data: empty; give a CSV file with a header line and rows"),
        ("size,kind\n", "data: a header line but no rows; give at least 4 rows of each class"),
        (
            "size,weight\n1,2\n",
            "data: no column 'kind' among size, weight; give the column with the class as target",
        ),
        ("kind\na\n", "data: only the column 'kind'; add at least one feature"),
        ("size,size,kind\n1,2,a\n", "data: column 'size' occurs more than once; rename one of them"),
        (
            GOOD.replace("3,3.5", "3,red"),
            "data line 5: feature 'weight' is 'red', not a number; encode, fill or drop it",
        ),
        (
            GOOD.replace("3,3.5", "inf,3.5"),
            "data line 5: feature 'size' is 'inf', not a number; fill or drop it",
        ),
        (
            GOOD.replace("3,3.5,b", "3,3.5"),
            "data line 5: 2 values under 3 columns, with commas between them; fix that line",
        ),
        (GOOD.replace("3.5,b", "3.5, "), "data line 5: target 'kind' is empty; fill or drop that row"),
        (GOOD.replace(",b", ",a"), "data: target 'kind' has one class, 'a'; give rows of at least two"),
        (GOOD + "9,9,c\n", "data: class 'c' has 1 rows; give at least 4 rows of each class"),
        (b"size,kind\n1,\xff\n", "data line 2: not UTF-8 text at byte 12; save the CSV file as UTF-8"),
    ],
)
def test_bad_data_is_refused_in_one_line(tmp_path: Path, content: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        validate(tmp_path, content)
    assert str(refused.value) == reason


RUNTIMES = [
    {"family": "sklearn", "runtime": "mlflow-abc", "packages": {"scikit-learn": "1"}},
    {
        "family": "boosting",
        "runtime": "",
        "packages": {"scikit-learn": "1", "lightgbm": "4", "xgboost-cpu": "3"},
    },
]


@pytest.mark.parametrize(
    ("family", "objective", "reason"),
    [
        ("forest", "", "family 'forest': unknown; give one of linear, random_forest, xgboost, lightgbm"),
        (
            "linear",
            "mae",
            "objective 'mae': no metric of a classification; there are of a classification accuracy,",
        ),
        (
            "xgboost",
            "f1",
            "family 'xgboost': needs xgboost-cpu, which the runtime 'boosting' has: add 'boosting' to "
            "serving.runtimes in the stack's settings, then deploy the platform again",
        ),
    ],
)
def test_what_could_not_be_judged_or_served_is_refused_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, objective: str, reason: str
) -> None:
    monkeypatch.setenv("PLINTH_SERVING_RUNTIMES", json.dumps(RUNTIMES))
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        validate(tmp_path, GOOD, family=family, objective=objective)
    assert str(refused.value).startswith(reason)


def test_a_family_that_a_runtime_of_the_platform_holds_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boosting = {**RUNTIMES[1], "runtime": "mlflow-boosting-def"}
    monkeypatch.setenv("PLINTH_SERVING_RUNTIMES", json.dumps([RUNTIMES[0], boosting]))
    assert tuple(validate(tmp_path, GOOD, family="lightgbm", objective="roc_auc")) == (8, 2, 2)
