"""Stories, and what is drawn of them."""

from pathlib import Path

from harness.evidence import stories
from tests.fixtures.nights import ROLLOUT, rollout


def test_a_story_is_read_back_as_it_was(tmp_path: Path) -> None:
    assert stories.read_all(tmp_path) == ()
    stories.write(ROLLOUT, tmp_path / "of-a-run")
    stories.write(ROLLOUT, tmp_path / "of-a-run")
    (table,) = stories.read_all(tmp_path / "of-a-run")
    assert stories.from_table(table) == ROLLOUT


def test_a_rollout_without_a_status_has_no_share_and_no_evidence() -> None:
    share, evidence = stories.of_rollout("none", "None", [(0.0, {}), (1.0, {})]).pictures
    assert share.series == {"share of the new version": ((0.0, 0.0), (1.0, 0.0))}
    assert set(evidence.series.values()) == {()}


def test_a_version_that_is_rolled_back_ends_with_no_request() -> None:
    bad = [
        (0.0, rollout("Progressing", 25, failsMore=1.5)),
        (1.0, rollout("RolledBack", 0, "version 2 fails more often", failsMore=6.0)),
    ]
    story = stories.of_rollout("bad", "A bad version", bad)
    assert story.outcome == "RolledBack: version 2 fails more often"
    share, evidence = story.pictures
    assert share.series["share of the new version"] == ((0.0, 25.0), (1.0, 0.0))
    assert evidence.series["fails more often"] == ((0.0, 0.5), (1.0, 2.0))
    assert (evidence.limit, share.limit) == (1.0, None)


def test_evidence_against_a_suspicion_is_none_for_it() -> None:
    (_, evidence) = stories.of_rollout(
        "good", "Good", [(0.0, rollout("Progressing", 5, slower=-4.0))]
    ).pictures
    assert evidence.series["is slower"] == ((0.0, 0.0),)


def test_drift_shows_what_moved_furthest() -> None:
    index = {f"feature/{number}": ((0.0, 0.1), (5.0, float(number)), (9.0, 0.2)) for number in range(8)}
    (picture,) = stories.of_drift("drift", "Rows that move", "raised its alert", index).pictures
    assert list(picture.series) == [f"feature/{number}" for number in (7, 6, 5, 4, 3)]
    assert picture.limit == 1.0
