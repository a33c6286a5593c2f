"""The event log: the summary counts what happened, and a retry cannot hide."""

import json
from pathlib import Path
from typing import Any

from infra.engine import events

STACK = "urn:pulumi:local::plinth::pulumi:pulumi:Stack::plinth-local"
STORE = "urn:pulumi:local::plinth::plinth:index:ObjectStore::object-store"
VOLUME = "urn:pulumi:local::plinth::plinth:index:ObjectStore$kubernetes:core/v1:Service::object-store-service"


def metadata(urn: str, operation: str, type_: str, parent: str) -> dict[str, Any]:
    new = {"parent": parent, "custom": not type_.startswith("plinth:")}
    return {"urn": urn, "op": operation, "type": type_, "new": new, "old": None}


STORE_METADATA = metadata(STORE, "create", "plinth:index:ObjectStore", STACK)
SERVICE_METADATA = metadata(VOLUME, "create", "kubernetes:core/v1:Service", STORE)
RUN: list[dict[str, Any]] = [
    {"timestamp": 10, "resourcePreEvent": {"metadata": STORE_METADATA}},
    {"timestamp": 10, "resourcePreEvent": {"metadata": SERVICE_METADATA}},
    {"timestamp": 14, "resOutputsEvent": {"metadata": SERVICE_METADATA}},
    {"timestamp": 14, "resOutputsEvent": {"metadata": STORE_METADATA}},
    {
        "timestamp": 15,
        "summaryEvent": {"durationSeconds": 5, "resourceChanges": {"create": 2, "same": 1}},
    },
]
RETRY = {
    "timestamp": 12,
    "diagnosticEvent": {
        "urn": VOLUME,
        "message": "<{%reset%}>Retry #1; creation failed: no matches for kind<{%reset%}>\n",
        "severity": "info",
        "ephemeral": True,
    },
}
FAILURE = {
    "timestamp": 12,
    "resOpFailedEvent": {"metadata": SERVICE_METADATA, "status": 0, "steps": 0},
}


def test_summary_counts_changes() -> None:
    summary = events.summarise(RUN)
    assert summary.changed == 2
    assert summary.finished
    assert summary.text() == "2 changes (2 create, 1 same), 0 failed, 0 retried, 5.0 s"


def test_a_retry_and_a_failure_are_counted_by_name() -> None:
    summary = events.summarise([RETRY, FAILURE, *RUN])
    assert summary.retried == ("object-store-service: Retry #1; creation failed: no matches for kind",)
    assert summary.failed == ("object-store-service",)


def test_what_is_read_before_an_update_is_no_progress_of_it() -> None:
    looks = [
        {"timestamp": 1, kind: {"metadata": {**each, "op": "refresh"}}}
        for each in (STORE_METADATA, SERVICE_METADATA)
        for kind in ("resourcePreEvent", "resOutputsEvent")
    ]
    with_looks, without = events.Progress(), events.Progress()
    expected = [line for event in RUN for line in without.lines(event)]
    assert [line for event in [*looks, *RUN] for line in with_looks.lines(event)] == expected
    assert expected


def test_an_interrupted_run_is_not_finished() -> None:
    assert not events.summarise(RUN[:-1]).finished


def test_a_component_is_reported_once_when_all_of_it_is_done() -> None:
    progress = events.Progress()
    lines = [list(progress.lines(event)) for event in RUN]
    assert lines == [[], [], [], [], ["  ObjectStore object-store: 1 resources, 1 changed, 4 s"]]


def test_a_component_is_reported_while_others_are_in_progress() -> None:
    progress = events.Progress()
    later = {"timestamp": 17, "resourcePreEvent": {"metadata": metadata("x::y::z", "create", "t", STACK)}}
    assert [len(list(progress.lines(event))) for event in [*RUN[:4], later, RUN[4]]] == [0, 0, 0, 0, 1, 0]


def test_a_component_that_registers_before_its_children_end_waits_for_them() -> None:
    progress = events.Progress()
    much_later = {
        "timestamp": 99,
        "resourcePreEvent": {"metadata": metadata("x::y::z", "create", "t", STACK)},
    }
    order = [RUN[0], RUN[1], RUN[3], much_later, RUN[2], RUN[4]]
    assert [len(list(progress.lines(event))) for event in order] == [0, 0, 0, 0, 0, 1]


def test_a_component_of_the_provider_is_no_object_and_need_not_finish() -> None:
    group = metadata(VOLUME + "-group", "create", "kubernetes:yaml/v2:ConfigGroup", STORE)
    group["new"]["custom"] = False
    progress = events.Progress()
    order = [RUN[0], {"timestamp": 10, "resourcePreEvent": {"metadata": group}}, *RUN[1:]]
    lines = [line for event in order for line in progress.lines(event)]
    assert lines == ["  ObjectStore object-store: 1 resources, 1 changed, 4 s"]


def test_the_status_line_names_the_components_in_progress() -> None:
    progress = events.Progress()
    for event in RUN[:2]:
        list(progress.lines(event))
    assert progress.status() == "  0 resources done; in progress: object-store"
    list(progress.lines(RUN[2]))
    assert progress.status() == ""


def test_problems_are_reported_while_they_happen() -> None:
    progress = events.Progress()
    assert list(progress.lines(RETRY)) == [
        "  object-store-service: Retry #1; creation failed: no matches for kind"
    ]
    assert list(progress.lines(FAILURE)) == ["  object-store-service: create failed"]


def test_a_log_that_a_killed_engine_left_half_written_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps(RUN[0]) + "\n" + json.dumps(RUN[1])[:20])
    assert list(events.read(log)) == RUN[:1]
    assert list(events.read(tmp_path / "none.jsonl")) == []
