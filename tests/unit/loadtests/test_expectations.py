import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests import expectations
from loadtests.errors import LoadtestError
from loadtests.expectations import Expectations, Question

EXPECTED = Expectations(
    digest="abc",
    rows=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    probabilities=[[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]],
)


def question(protocol: str = "v1", size: int = 2) -> Question:
    return expectations.questions(EXPECTED, protocol, size)[0]


def v1(rows: object) -> bytes:
    return json.dumps({"predictions": rows}).encode()


def v2(rows: list[list[float]]) -> bytes:
    flat = [value for row in rows for value in row]
    return json.dumps({"outputs": [{"shape": [len(rows), len(rows[0])], "data": flat}]}).encode()


def test_every_row_is_asked_in_requests_of_the_size() -> None:
    found = expectations.questions(EXPECTED, "v1", 2)
    assert [json.loads(each.body)["instances"] for each in found] == [
        [[1.0, 2.0], [3.0, 4.0]],
        [[5.0, 6.0], [1.0, 2.0]],
    ]
    assert [each.probabilities for each in found][1] == [[0.5, 0.5], [0.1, 0.9]]
    assert len(expectations.questions(EXPECTED, "v2", 32)) == 1


@pytest.mark.parametrize(("protocol", "answer"), [("v1", v1), ("v2", v2)])
def test_the_answer_of_training_time_is_right_also_the_second_time(
    protocol: str, answer: Callable[[list[list[float]]], bytes]
) -> None:
    asked = question(protocol)
    good = answer([[0.1, 0.9], [0.8, 0.2 + 1e-12]])
    assert expectations.wrong(asked, good, "abc", "abc") is None
    assert asked.known == {good}
    assert expectations.wrong(asked, good, "abc", "abc") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (v1([[0.9, 0.1], [0.8, 0.2]]), "probabilities differ"),
        (v1([[0.1, 0.9], [0.8, 0.2 + 1e-8]]), "probabilities differ"),
        (v1([[0.1, 0.9], [0.8, float("nan")]]), "probabilities differ"),
        (v1([[0.1, 0.9]]), "not an answer of v1: ValueError"),
        (v1([[0.1], [0.8]]), "not an answer of v1: ValueError"),
        (v1([1, 2]), "not an answer of v1: TypeError"),
        (v1("no"), "not an answer of v1"),
        (v2([[0.1, 0.9], [0.8, 0.2]]), "not an answer of v1: KeyError"),
        (b"[]", "not an answer of v1: TypeError"),
        (b"", "not an answer of v1: JSONDecodeError"),
    ],
)
def test_any_other_answer_is_wrong(answer: bytes, reason: str) -> None:
    asked = question()
    found = expectations.wrong(asked, answer, "abc", "abc")
    assert found is not None
    assert found.startswith(reason)
    assert not asked.known


@pytest.mark.parametrize("digest", ["def", None, ""])
def test_an_answer_of_another_model_is_wrong_however_it_looks(digest: str | None) -> None:
    asked = question()
    good = v1(asked.probabilities)
    assert expectations.wrong(asked, good, "abc", "abc") is None
    assert expectations.wrong(asked, good, digest, "abc") == f"model {digest or 'unknown'} answered, not abc"


def test_expectations_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"digest": "abc", "rows": [[1]], "probabilities": [[1.0]], "other": 1}))
    assert expectations.read(file) == Expectations(digest="abc", rows=[[1]], probabilities=[[1.0]])


@pytest.mark.parametrize(
    "text", ["", "[]", '{"rows": []}', '{"digest": "a", "rows": [], "probabilities": []}']
)
def test_a_file_without_expectations_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "expected.json"
    file.write_text(text)
    with pytest.raises(LoadtestError) as refused:
        expectations.read(file)
    assert "\n" not in str(refused.value)
