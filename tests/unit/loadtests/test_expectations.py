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


def test_requests_of_the_given_size_cover_every_row() -> None:
    found = expectations.questions(EXPECTED, "v1", 2)
    assert [json.loads(each.body)["instances"] for each in found] == [
        [[1.0, 2.0], [3.0, 4.0]],
        [[5.0, 6.0], [1.0, 2.0]],
    ]
    assert [each.probabilities for each in found][1] == [[0.5, 0.5], [0.1, 0.9]]
    assert len(expectations.questions(EXPECTED, "v2", 32)) == 1


@pytest.mark.parametrize(("protocol", "answer"), [("v1", v1), ("v2", v2)])
def test_the_answer_of_training_time_is_right_the_second_time_as_well(
    protocol: str, answer: Callable[[list[list[float]]], bytes]
) -> None:
    asked = question(protocol)
    good = answer([[0.1, 0.9], [0.8, 0.2 + 1e-12]])
    assert expectations.find_fault(asked, good, "abc", "abc") is None
    assert asked.verified == {good}
    assert expectations.find_fault(asked, good, "abc", "abc") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (v1([[0.9, 0.1], [0.8, 0.2]]), "probabilities differ"),
        (v1([[0.1, 0.9], [0.8, 0.2 + 1e-8]]), "probabilities differ"),
        (v1([[0.1, 0.9], [0.8, float("nan")]]), "probabilities differ"),
        (v1([[0.1, 0.9]]), "not a v1 answer: ValueError"),
        (v1([[0.1], [0.8]]), "not a v1 answer: ValueError"),
        (v1([1, 2]), "not a v1 answer: TypeError"),
        (v1("no"), "not a v1 answer"),
        (v2([[0.1, 0.9], [0.8, 0.2]]), "not a v1 answer: KeyError"),
        (b"[]", "not a v1 answer: TypeError"),
        (b"", "not a v1 answer: JSONDecodeError"),
    ],
)
def test_any_other_answer_is_wrong(answer: bytes, reason: str) -> None:
    asked = question()
    found = expectations.find_fault(asked, answer, "abc", "abc")
    assert found is not None
    assert found.startswith(reason)
    assert not asked.verified


@pytest.mark.parametrize("digest", ["def", None, ""])
def test_an_answer_of_another_model_is_wrong_however_it_looks(digest: str | None) -> None:
    asked = question()
    good = v1(asked.probabilities)
    assert expectations.find_fault(asked, good, "abc", "abc") is None
    assert (
        expectations.find_fault(asked, good, digest, "abc")
        == f"model {digest or 'unknown'} answered, not abc"
    )


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
