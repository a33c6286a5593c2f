import json

import pytest

from components.monitoring import dashboards
from components.monitoring.scope import Scope
from components.monitoring.timing import OPERATION, REHEARSAL
from tests.unit.components.monitoring.platform import CLOUD, LOCAL


def test_there_is_a_page_for_every_kind_of_reader() -> None:
    names = [page.name for page in dashboards.all_dashboards(LOCAL, REHEARSAL)]
    assert names == ["platform", "serving", "pipelines", "registry", "gpu-pools"]


@pytest.mark.parametrize("scope", [LOCAL, CLOUD])
def test_panels_do_not_overlap_and_ask_the_chosen_source(scope: Scope) -> None:
    for page in dashboards.all_dashboards(scope, OPERATION):
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
        query for page in dashboards.all_dashboards(CLOUD, OPERATION) for query in page.queries()
    )
    assert "cnpg_" not in queries
    assert "versitygw_" not in queries


def test_rates_are_over_a_window_that_rules_record() -> None:
    queries = " ".join(
        query for page in dashboards.all_dashboards(LOCAL, REHEARSAL) for query in page.queries()
    )
    assert "[1m]" in queries
    assert "service:serving_errors:ratio_rate1m" in queries
