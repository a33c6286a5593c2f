"""Lines of a stage."""

from harness.bench.scale.growth import Point, Stage
from harness.bench.scale.report import lines


def test_a_stage_is_shown_with_its_growth_and_its_memory() -> None:
    stage = Stage(
        what="served models",
        points=[
            Point(count=2, seconds=9.5, reads={"predict one row": 1.25}),
            Point(count=20, seconds=31.0, reads={"predict one row": 1.5}),
        ],
        memory={"models/scale-1-predictor": 170.4, "kubelet": 2.0},
        bounded_mib=170.4,
    )
    assert lines(stage) == [
        "20 served models: 31.0 s",
        "       2 after     9.5 s: predict one row 1.2 ms",
        "      20 after    31.0 s: predict one row 1.5 ms",
        "  memory afterwards: +172 MiB",
        "    models/scale-1-predictor                       +170 MiB",
        "    kubelet                                          +2 MiB",
        "  the served models themselves: 170 MiB",
    ]


def test_the_peak_is_shown_only_where_there_is_one() -> None:
    stage = Stage(what="runs", points=[Point(count=1, seconds=1, reads={})], peak={"runs/a": 60.0})
    assert "  memory at the most: +60 MiB" in lines(stage)
    assert not [line for line in lines(stage) if "afterwards" in line]
