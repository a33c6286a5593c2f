"""Targets, rules, dashboards and receivers of alerts of one part of the platform, and their union."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components.monitoring.dashboards import Dashboard
from components.monitoring.receivers import Receiver
from components.monitoring.rules import Alert, Rule
from components.monitoring.targets import Target


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is scraped, alerted on, shown and sent; parts may add to each other's groups and dashboards."""

    targets: tuple[Target, ...] = ()
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict[str, tuple[Rule, ...]])
    """Group -> its rules."""
    dashboards: tuple[Dashboard, ...] = ()
    """Dashboards; one without a title adds its panels to the dashboard of the same name."""
    receivers: tuple[Receiver, ...] = ()
    """Pods that act on alerts."""


def merged(watches: Iterable[Watch]) -> Watch:
    """Return the union of several watches, sorted by name.

    Raises:
        ValueError: two targets, two receivers or two alerts have one name, or panels are added to no page.
    """
    known = list(watches)
    targets = sorted((each for watch in known for each in watch.targets), key=lambda each: each.name)
    groups = sorted({group for watch in known for group in watch.rules})
    rules = {group: tuple(r for watch in known for r in watch.rules.get(group, ())) for group in groups}
    alerts = [each.name for found in rules.values() for each in found if isinstance(each, Alert)]
    _refuse_duplicates("target", [each.name for each in targets])
    _refuse_duplicates("alert", alerts)
    receivers = tuple(each for watch in known for each in watch.receivers)
    _refuse_duplicates("receiver", [each.name for each in receivers])
    return Watch(targets=tuple(targets), rules=rules, dashboards=tuple(_pages(known)), receivers=receivers)


def _refuse_duplicates(kind: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"monitoring: {kind} {name!r} is defined by {count} parts: rename all but one")


def _pages(watches: list[Watch]) -> Iterable[Dashboard]:
    given = [page for watch in watches for page in watch.dashboards]
    titled = [page for page in given if page.title]
    _refuse_duplicates("dashboard", [page.name for page in titled])
    orphans = sorted({page.name for page in given} - {page.name for page in titled})
    if orphans:
        raise ValueError(f"monitoring: panels are added to the dashboard {orphans[0]!r}, which no part has")
    for page in titled:
        added = tuple(
            panel for other in given if other.name == page.name and not other.title for panel in other.panels
        )
        yield Dashboard(name=page.name, title=page.title, panels=page.panels + added)
