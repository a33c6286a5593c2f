"""When two answers to one row differ."""

from delivery.proofs.comparison import Comparison

_CLASSES = ("low", "high")


def test_probabilities_differ_if_they_name_different_classes() -> None:
    compared = Comparison.of(_CLASSES, _CLASSES, [])
    assert not compared.differ([0.9, 0.1], [0.6, 0.4])
    assert compared.differ([0.51, 0.49], [0.49, 0.51])


def test_classes_are_compared_by_name_whatever_their_order() -> None:
    compared = Comparison.of(_CLASSES, ("high", "low"), [])
    assert not compared.differ([0.9, 0.1], [0.1, 0.9])
    assert compared.differ([0.9, 0.1], [0.9, 0.1])


def test_a_class_is_known_by_the_same_name_as_a_label() -> None:
    compared = Comparison.of((), (), [["a"], ["b"]])
    assert not compared.differ(["a"], ["a"])
    assert compared.differ(["a"], ["b"])
    assert compared.differ(["a"], [None])


def test_quantities_differ_beyond_half_of_their_standard_deviation() -> None:
    compared = Comparison.of((), (), [[0.0], [2.0]])
    assert not compared.differ([0.0], [0.5])
    assert compared.differ([0.0], [0.51])


def test_a_quantity_that_hardly_varies_differs_in_proportion() -> None:
    compared = Comparison.of((), (), [[100.0], [100.0]])
    assert not compared.differ([100.0], [104.0])
    assert compared.differ([100.0], [106.0])


def test_answers_of_another_shape_differ() -> None:
    compared = Comparison.of((), (), [[1.0, 2.0]])
    assert compared.differ([1.0, 2.0], [1.0])
    assert compared.differ([1.0], [None])
