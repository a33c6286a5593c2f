"""Figures of a bounded load run."""

import pytest

from harness.bench import closed_loop

pytestmark = pytest.mark.unit

HEADER = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n"


def rows(times: list[float], status: int = 200) -> str:
    return HEADER + "".join(
        f"{each},0,0,0,0,0,{status},{number * 0.01}\n" for number, each in enumerate(times)
    )


def test_figures_are_nearest_rank_percentiles_and_the_achieved_rate() -> None:
    measured = closed_loop.parse_figures(rows([each / 1000 for each in range(1, 101)]))
    assert measured.requests == 100
    assert measured.p50_ms == pytest.approx(50)
    assert measured.p99_ms == pytest.approx(99)
    assert measured.requests_per_second == pytest.approx(100 / (0.99 + 0.1))


def test_any_answer_but_200_fails_the_run() -> None:
    with pytest.raises(closed_loop.LoadError, match="answered 503"):
        closed_loop.parse_figures(rows([0.001]) + rows([0.001], status=503).removeprefix(HEADER))


def test_no_answer_fails_the_run() -> None:
    with pytest.raises(closed_loop.LoadError, match="no answer at all"):
        closed_loop.parse_figures(HEADER)
