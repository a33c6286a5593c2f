"""How verdicts combine."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.verdict import Outcome, Verdict, combine

PASSED = Verdict(outcome=Outcome.PASSED)
FAILED = Verdict(outcome=Outcome.FAILED, reasons=("slow",))
INVALID = Verdict(outcome=Outcome.INVALID, reasons=("starved",))


def test_the_worst_verdict_wins_and_each_reason_names_its_measurement() -> None:
    assert combine({"a": PASSED}) == PASSED
    assert combine({"a": PASSED, "b": INVALID}).outcome is Outcome.INVALID
    assert combine({"a": INVALID, "b": FAILED}) == Verdict(
        outcome=Outcome.FAILED, reasons=("a: starved", "b: slow")
    )


@given(st.lists(st.sampled_from([PASSED, FAILED, INVALID]), min_size=1))
def test_a_combination_passes_only_if_every_part_does(parts: list[Verdict]) -> None:
    combined = combine({str(number): each for number, each in enumerate(parts)})
    assert (combined.outcome is Outcome.PASSED) == all(each is PASSED for each in parts)
    assert (combined.outcome is Outcome.FAILED) == (FAILED in parts)
    assert len(combined.reasons) == sum(len(each.reasons) for each in parts)
