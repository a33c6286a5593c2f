"""Evidence from the reports of phases."""

import json
from dataclasses import replace
from pathlib import Path

from harness.evidence import stories
from harness.evidence.night import Fault, Phase, State
from harness.night.collection import Collection, digest_promise, load_phase, load_promises
from tests.fixtures.nights import GREEN, LOAD, PROMISES, ROLLOUT

BUILT = {"plinth/mlflow:1": "sha256:aa", "traefik:v3": "sha256:bb", "unbuilt:1": ""}


def test_running_images_are_those_that_were_built() -> None:
    running = [
        ("plinth/mlflow:1", "host/plinth/mlflow@sha256:aa"),
        ("traefik:v3", "traefik@sha256:bb"),
        ("pause:3", "x"),
    ]
    promise = digest_promise(BUILT, [*running, ("traefik:v3", "")])
    assert (promise["outcome"], promise["figures"]) == ("passed", {"images compared": 2})


def test_another_digest_under_the_same_name_fails() -> None:
    promise = digest_promise(BUILT, [("traefik:v3", "traefik@sha256:cc")])
    assert promise["outcome"] == "failed"
    assert promise["reason"] == "traefik:v3 runs as traefik@sha256:cc"


def test_a_comparison_of_no_images_fails() -> None:
    assert digest_promise(BUILT, [("unbuilt:1", "x@sha256:cc")])["outcome"] == "failed"


def test_an_inconclusive_load_run_is_skipped() -> None:
    statistics = {"seconds": 60.0, **LOAD["runs"][0]["statistics"]}
    runs = [
        {**run, "statistics": statistics, "outcome": outcome, "reasons": ["why"]}
        for run, outcome in zip(
            [*LOAD["runs"], LOAD["runs"][0]], ["passed", "failed", "invalid"], strict=True
        )
    ]
    found = load_promises({**LOAD, "runs": runs})
    assert [each["outcome"] for each in found] == ["passed", "failed", "skipped"]
    assert found[1]["reason"] == "why"
    assert found[0]["figures"] == {"good answers/s": 119.8, "p99": "18.2 ms"}


def test_a_slow_generator_is_an_infra_fault_and_a_missed_service_level_a_product_fault() -> None:
    phase = Phase(name="load", state=State.FAILED, fault=Fault.PRODUCT, reason="load: exit 2: make: ***")
    reasons = ["serving-gate: the generator sent 20.0/s of 100.0/s asked"]
    starved = load_phase(phase, {"outcome": "invalid", "reasons": reasons})
    assert (starved.fault, starved.reason) == (Fault.INFRA, reasons[0])
    assert load_phase(phase, {"outcome": "failed", "reasons": ["p99 300 ms"]}).fault is Fault.PRODUCT
    assert load_phase(phase, {"outcome": "passed", "reasons": []}) == phase


def test_slow_journeys_bring_their_stories(tmp_path: Path) -> None:
    folder = tmp_path / "slow"
    stories.write(ROLLOUT, folder / stories.FOLDER)
    verdict = {key: value for key, value in PROMISES[0].items() if key != "phase"}
    (folder / "verify.json").write_text(json.dumps({"verdicts": [verdict]}))
    night = Collection(tmp_path).after("slow", replace(GREEN, promises=(), stories=()))
    assert [stories.from_table(each) for each in night.stories] == [ROLLOUT]
    assert [each["phase"] for each in night.promises] == ["slow"]
