"""The page of each kind of night; it is self-contained."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.evidence import page
from harness.evidence.night import Fault, Night, interrupted
from tests.fixtures.nights import GREEN, PAST, RED, RUNNING

VOID = {"meta", "link", "br", "img"}


class Structure(HTMLParser):
    """Collects ids and text, and sees to it that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if identity := values.get("id"):
            self.ids.append(identity)
        self.addresses += [values[name] or "" for name in ("src", "href") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def structure(text: str) -> Structure:
    parser = Structure()
    parser.feed(text)
    assert parser.open == []
    return parser


NIGHTS = [
    pytest.param(GREEN, "Everything passed.", id="green"),
    pytest.param(RED, "The platform failed a promise.", id="product"),
    pytest.param(
        GREEN.with_phase(replace(RED.phase("verify"), fault=Fault.INFRA)),
        "The machine caused a failure.",
        id="infra",
    ),
    pytest.param(RUNNING, "Not finished: in verify.", id="running"),
    pytest.param(interrupted(RUNNING, "killed"), "Killed during verify.", id="killed"),
    pytest.param(interrupted(RUNNING, "SIGTERM"), "Stopped during verify.", id="stopped"),
]


@pytest.mark.parametrize(("night", "headline"), NIGHTS)
def test_the_page_has_the_outcome_and_is_well_formed(night: Night, headline: str) -> None:
    found = structure(page.render(night, PAST))
    assert headline in found.words
    assert len(found.ids) == len(set(found.ids))


@pytest.mark.parametrize(("night", "_"), NIGHTS)
def test_the_page_is_self_contained(night: Night, _: str) -> None:
    text = page.render(night, PAST)
    for address in structure(text).addresses:
        assert not re.match(r"(https?:)?//", address), address
    assert "<script" not in text
    assert not re.findall(r"url\(|@import", text)


def test_a_complete_night_has_every_plot() -> None:
    ids = set(structure(page.render(GREEN, PAST)).ids)
    plots = {"timeline", "time-0", "rate-1", "memory", "pipeline", "trend-seconds", "trend-memory-mib"}
    sections = {"tiles", "phases", "serving", "resources", "trend", "promises", "provenance"}
    assert plots | sections <= ids
    assert not {"reasons", "unfinished"} & ids


def test_the_first_night_ever_has_no_trend() -> None:
    ids = set(structure(page.render(GREEN, [])).ids)
    assert "trend" not in ids
    assert "tiles" in ids


def test_a_failed_promise_comes_first_with_its_reason_and_texts_are_escaped() -> None:
    hostile = {**RED.promises[0], "reason": "<script>alert(1)</script>"}
    text = page.render(replace(RED, promises=(*RED.promises[1:], hostile)), PAST)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.index("&lt;script&gt;") < text.index("the gateway returns every bit")


def test_a_figure_is_compared_with_the_usual_and_with_its_goal() -> None:
    tiles = {tile.title: tile for tile in page.tiles(GREEN, PAST)}
    assert tiles["Night without its slow journeys"].comparison == "as usual"
    assert tiles["Memory at rest"].goal == "goal under 4,096 MiB"
    assert tiles["Memory at rest"].tone == "plain"
    worse = replace(GREEN, load={**GREEN.load, "monitoring_mib": 900.0})
    over = {tile.title: tile for tile in page.tiles(worse, PAST)}["Memory of monitoring"]
    assert over.tone == "bad"
    assert over.comparison.endswith("more than usual")


def test_what_was_not_measured_is_not_on_the_page() -> None:
    titles = {tile.title for tile in page.tiles(RUNNING, PAST)}
    assert "Saturation" not in titles
    assert "serving" not in structure(page.render(RUNNING, PAST)).ids


def test_versions_and_digests_are_on_the_page() -> None:
    text = page.render(GREEN, PAST)
    assert "1.36.3" in text
    assert GREEN.images[0]["digest"] in text


def test_the_model_that_was_judged_is_named_with_the_verdict() -> None:
    assert "champion</span> wine version 4," in page.render(GREEN, PAST)
    rejected = {**GREEN.load, "model": {**GREEN.load["model"], "champion": False}}
    assert "rejected</span> wine version 4," in page.render(replace(GREEN, load=rejected), PAST)
