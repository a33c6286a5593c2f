"""Plots of a night and their content."""

from dataclasses import replace

from harness.evidence import sections
from tests.fixtures.nights import GREEN, LOAD, PAST, RED, RUNNING


def test_the_timeline_shows_the_steps_of_phases_that_have_several_and_what_still_runs() -> None:
    labels = [row[0] for row in sections.timeline(GREEN).rows]
    assert labels == [
        "up",
        *("setup", "build", "cluster", "deploy", "demo"),
        *("verify", "load", "slow", "faults", "down"),
    ]
    running = sections.timeline(RUNNING).rows
    assert running[-1][:3] == ("verify", "306.0", "104.0")
    assert running[-1][3].endswith("running")
    assert sections.timeline(RED).rows[6][3].endswith("failed")


def test_the_saturation_point_is_the_highest_rate_sustained() -> None:
    (rate,) = [plot for plot in sections.serving(LOAD) if plot.name.startswith("rate")]
    assert "sustained up to 350/s" in rate.wide
    never = [{**step, "held": True} for step in LOAD["runs"][1]["steps"]]
    (held,) = sections.serving({"runs": [{**LOAD["runs"][1], "steps": never}]})
    assert "sustained up to" not in held.wide


def test_seconds_in_which_nothing_was_due_are_left_out() -> None:
    series = [{"seconds": 0, "p50_ms": None, "p99_ms": None}, {"seconds": 1, "p50_ms": 2.0, "p99_ms": 3.0}]
    (plot,) = sections.serving({"runs": [{**LOAD["runs"][0], "series": series}]})
    assert [row[0] for row in plot.rows] == ["p50", "p99"]


def test_memory_shows_the_largest_and_adds_the_rest_up() -> None:
    memory, pipeline = sections.resources(GREEN)
    values = [float(row[1].replace(",", "")) for row in memory.rows]
    assert sum(values) == sum(row["proportional"] for row in GREEN.memory["up"])
    assert memory.rows[0] == ("kube-apiserver", "412", "515")
    assert [row[0] for row in pipeline.rows][:2] == ["load-data", "validate-data"]


def test_the_trend_ends_with_this_night_and_needs_another() -> None:
    first = sections.trend(GREEN, PAST)[0]
    assert first.rows[-1][1:] == ("0", "21.8")
    assert sections.trend(GREEN, []) == []
    assert sections.trend(replace(GREEN, load={}), PAST[:1])[-1].title == "Memory at rest"


def test_a_rollout_is_its_share_and_its_evidence_against_the_verdict() -> None:
    share, evidence = sections.closed_loop(GREEN)
    assert [row[1:] for row in share.rows] == [("0", "0"), ("1", "5"), ("2", "50"), ("3", "100")]
    assert [name for _, name in evidence.legend] == ["fails more often", "is slower", "is good enough"]
    assert [row[1:] for row in evidence.rows if row[0] == "is good enough"] == [
        ("1", "0.1"),
        ("2", "0.5"),
        ("3", "1.5"),
    ]
    assert "verdict" in evidence.wide
    assert sections.closed_loop(replace(GREEN, stories=())) == []
