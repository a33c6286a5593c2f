import json

import pytest

from components.monitoring import dashboards
from components.monitoring.timing import OPERATION, REHEARSAL
from tests.fixtures import watches


def test_there_is_a_page_for_every_kind_of_reader() -> None:
    names = {page.name for page in watches.watch("local").dashboards}
    own = {"platform", "serving", "pipelines", "registry", "gpu-pools"}
    assert names == own | {"drift", "experiments", "payloads"}


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_panels_do_not_overlap_and_ask_the_chosen_source(stack: str) -> None:
    for page in watches.watch(stack, OPERATION).dashboards:
        made = json.loads(dashboards.render(page))
        assert made["uid"] == f"plinth-{page.name}"
        assert made["templating"]["list"][0]["query"] == "prometheus"
        taken: set[tuple[int, int]] = set()
        for panel in made["panels"]:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells
            for target in panel["targets"]:
                assert target["expr"]
                assert target["datasource"]["uid"] == "${source}"
                assert target["legendFormat"], panel["title"]


def test_the_cloud_shows_no_store_that_it_watches_itself() -> None:
    queries = " ".join(
        query for page in watches.watch("prod", OPERATION).dashboards for query in page.queries()
    )
    assert "cnpg_" not in queries
    assert "versitygw_" not in queries


def test_rates_are_over_a_window_that_rules_record() -> None:
    queries = " ".join(
        query for page in watches.watch("local", REHEARSAL).dashboards for query in page.queries()
    )
    assert "[1m]" in queries
    assert "service:serving_errors:ratio_rate1m" in queries
