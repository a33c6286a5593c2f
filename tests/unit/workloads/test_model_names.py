"""Names of models."""

import re
from itertools import combinations

import pytest

from workloads.errors import WorkloadsError
from workloads.model_names import checked, model_name, refuse_taken
from workloads.serving.inference_service import version_service

FILES = [
    "s3://b/team-a/train.csv",
    "s3://b/team-b/train.csv",
    "s3://c/team-a/train.csv",
    "s3://b/sales_2024.csv",
    "s3://b/Sales 2024.csv",
    "s3://b/данные.csv",
    "s3://b/数据.csv",
    "s3://b/😀.csv",
    "s3://b/2026_sales.csv",
    "s3://b/" + "x" * 60 + ".csv",
    "s3://b/__.csv",
    "s3://b/wine.csv",
    "s3://b/DATA.CSV",
    "wine",
    "breast_cancer",
]


def test_no_two_files_have_one_name() -> None:
    same = [pair for pair in combinations(FILES, 2) if model_name(pair[0]) == model_name(pair[1])]
    assert not same


@pytest.mark.parametrize("data", FILES)
def test_a_name_fits_into_kubernetes_and_into_a_host(data: str) -> None:
    name = model_name(data)
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)
    assert checked(name) == name
    assert len(f"{version_service(name, '999999999')}-predictor") <= 63
    assert model_name(data) == name


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        ("wine", "wine"),
        ("breast_cancer", "breast-cancer"),
        ("s3://b/My Data (1).csv", "my-data-1-"),
        ("s3://b/2026_sales.csv", "model-2026-sales-"),
        ("s3://b/данные.csv", "model-"),
    ],
)
def test_a_name_says_what_it_is_of(data: str, begins: str) -> None:
    assert model_name(data).startswith(begins)


@pytest.mark.parametrize("name", ["", "Ä", "-a", "a-", "1a", "a_b", "a" * 41, "wine\n"])
def test_a_name_that_kubernetes_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(WorkloadsError, match="give at most 40 small Latin letters, digits and hyphens"):
        checked(name)


@pytest.mark.parametrize("name", ["wine-v7", "wine-v0", "a-v123456", version_service("wine", "7")])
def test_the_name_of_a_version_is_refused(name: str) -> None:
    with pytest.raises(WorkloadsError) as refused:
        checked(name)
    assert str(refused.value) == f"name '{name}': ends as versions of a model do; give another name"


@pytest.mark.parametrize("name", ["wine-v", "v7", "wine-v7-a", "winev7", "wine-va7"])
def test_a_name_that_no_version_has_is_taken(name: str) -> None:
    assert checked(name) == name


def test_the_model_of_other_data_keeps_its_name() -> None:
    refuse_taken("sales", "s3://b/a.csv", "")
    refuse_taken("sales", "s3://b/a.csv", "s3://b/a.csv")
    with pytest.raises(WorkloadsError) as refused:
        refuse_taken("sales", "s3://b/a.csv", "s3://b/other.csv")
    assert str(refused.value) == (
        "name 'sales': its model is trained on s3://b/other.csv, not s3://b/a.csv; "
        "give another --name, or --replace it"
    )
