"""Dashboards for Grafana, rendered from short descriptions of their panels."""

import json
from dataclasses import dataclass
from typing import Any

_COLUMNS = 24
_WIDTH = 12
_HEIGHT = 8
# Grafana's own name for whichever Prometheus is chosen at the top of the dashboard.
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One graph: legend -> query."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page of panels."""

    name: str
    panels: tuple[Panel, ...]
    title: str = ""
    """Empty for panels that are added to the page of another part."""

    def queries(self) -> list[str]:
        """Return every query of the page."""
        return [query for panel in self.panels for query in panel.queries.values()]


def render(dashboard: Dashboard) -> str:
    """Return the JSON that Grafana imports."""
    per_row = _COLUMNS // _WIDTH
    panels = [
        _panel(panel, number, x=number % per_row * _WIDTH, y=number // per_row * _HEIGHT)
        for number, panel in enumerate(dashboard.panels)
    ]
    source = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
    page = {
        "uid": f"plinth-{dashboard.name}",
        "title": f"plinth / {dashboard.title}",
        "tags": ["plinth"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(page, indent=1, sort_keys=True)


def _panel(panel: Panel, number: int, *, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }
