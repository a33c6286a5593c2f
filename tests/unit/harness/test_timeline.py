"""The timeline of a journey."""

import json
from pathlib import Path

from tests.harness.timeline import Timeline


def test_marks_count_from_the_beginning_and_from_one_another(tmp_path: Path) -> None:
    moments = iter([100.0, 101.5, 104.0])
    timeline = Timeline(clock=lambda: next(moments))
    assert timeline.mark("submitted") == 1.5
    assert timeline.mark("served") == 2.5
    assert timeline.text().splitlines() == ["     1.5 s  submitted", "     4.0 s  served"]
    timeline.write(tmp_path / "reports" / "timeline.json")
    written = json.loads((tmp_path / "reports" / "timeline.json").read_text())
    assert written == [{"seconds": 1.5, "what": "submitted"}, {"seconds": 4.0, "what": "served"}]
