"""Requests and labels are joined by id; whatever does not fit is left out and counted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.workloads.retraining.feedback import label, request
from workloads.retraining.labelled_rows import LabelledRows, label_of

BEGIN, END = datetime(2026, 11, 30, 11, tzinfo=UTC), datetime(2026, 11, 30, 13, tzinfo=UTC)


def joined(labels: list[bytes], requests: list[bytes]) -> LabelledRows:
    found = LabelledRows(BEGIN, END)
    for each in labels:
        found.add_label(each)
    for each in requests:
        found.add_request(each)
    return found


def labels_of(found: LabelledRows) -> dict[str, str]:
    return {each.identity: each.label for each in found.rows}


def test_a_row_gets_the_label_of_its_id_and_keeps_its_values() -> None:
    found = joined([label("a", "big")], [request("a", [1.5, None]), request("b", [2.0, "red"])])
    (row,) = found.rows
    assert (row.identity, row.values, row.label) == ("a:0", {"size": 1.5, "colour": None}, "big")
    assert found.said() == "1 labelled rows"


def test_rows_of_a_request_with_several_have_labels_of_their_own() -> None:
    found = joined(
        [label("a:1", "x"), label("a:2", "y"), label("a", "z")],
        [request("a", [1, "r"], [2, "g"], [3, "b"])],
    )
    assert labels_of(found) == {"a:1": "x", "a:2": "y"}
    assert [each.values["size"] for each in found.rows] == [2, 3]
    assert found.said() == "2 labelled rows; left out: 1 labels of no row in the window"


def test_an_id_may_hold_colons_and_the_only_row_may_be_named() -> None:
    found = joined([label("a:1", "x"), label("b:0", "y")], [request("a:1", [1, "r"]), request("b", [2, "g"])])
    assert labels_of(found) == {"a:1:0": "x", "b:0": "y"}


def test_a_label_that_is_given_twice_counts_once() -> None:
    found = joined([label("a", "x")] * 3, [request("a", [1, "r"])])
    assert labels_of(found) == {"a:0": "x"}
    assert found.said() == "1 labelled rows; 2 labels were given twice"


@pytest.mark.parametrize("second", [label("a", "y"), label("a:0", "y")])
def test_labels_that_disagree_are_left_out(second: bytes) -> None:
    found = joined(
        [label("a", "x"), second, label("b", "x")], [request("a", [1, "r"]), request("b", [1, "r"])]
    )
    assert labels_of(found) == {"b:0": "x"}
    assert found.said() == "1 labelled rows; left out: 2 labels that disagree with another of the same row"


def test_a_third_label_does_not_settle_a_contradiction() -> None:
    found = joined([label("a", "x"), label("a", "y"), label("a", "x")], [request("a", [1, "r"])])
    assert (found.rows, found.labels, found.counts["contradiction"]) == ([], 0, 3)


def test_lines_that_are_neither_are_counted_and_the_others_are_read() -> None:
    broken = [
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        label("", "x"),
        label("a", ""),
        label("a", None),
        label("a", ["x", "y"]),
    ]
    found = joined([*broken, label("a", "x")], [b"nothing", b'{"eventMetadata": 3}', request("a", [1, "r"])])
    assert labels_of(found) == {"a:0": "x"}
    assert found.said() == (
        f"1 labelled rows; left out: {len(broken)} lines that are no label, 2 lines that are no request"
    )


@pytest.mark.parametrize("at", ["2026-11-30T10:59:59Z", "2026-11-30T13:00:00Z", "2026-11-30T13:00:00"])
def test_requests_outside_the_window_are_left_out(at: str) -> None:
    found = joined([label("a", "x")], [request("a", [1, "r"], at=at)])
    assert found.rows == []
    assert found.said() == "0 labelled rows; left out: 1 labels of no row in the window"


def test_a_request_that_is_stored_twice_counts_once_and_an_id_of_two_requests_not_at_all() -> None:
    twice = request("a", [1, "r"])
    found = joined(
        [label("a", "x"), label("b", "y")],
        [twice, twice, request("b", [1, "r"]), request("b", [2, "r"]), request("b", [1, "r"])],
    )
    assert labels_of(found) == {"a:0": "x"}
    assert found.said() == "1 labelled rows; left out: 1 labels of an id that several requests had"


def test_rows_whose_features_have_no_names_cannot_be_learnt() -> None:
    found = joined([label("a", "x")], [request("a", [1, 2], columns=())])
    assert found.said() == "0 labelled rows; left out: 1 requests whose rows have no names of features"


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        ("class_1", "", "class_1"),
        (" class_1 ", "CSV", "class_1"),
        ('"red, or green"', "CSV", "red, or green"),
        (3, "", "3"),
        (0.25, "JSON", "0.25"),
        ("[3]", "JSON", "3"),
        ('"a"', "JSON", "a"),
        (True, "", "True"),
    ],
)
def test_a_label_is_a_text_a_number_or_a_boolean(data: Any, encoding: str, text: str) -> None:
    assert label_of({"data": data, "encoding": encoding}) == text


@pytest.mark.parametrize(
    ("data", "encoding"), [("a,b", "CSV"), ("{", "JSON"), ("", "CSV"), ([1, 2], ""), ({}, ""), (None, "")]
)
def test_anything_else_is_no_label(data: Any, encoding: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        label_of({"data": data, "encoding": encoding})
