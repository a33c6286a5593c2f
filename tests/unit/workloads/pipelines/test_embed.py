"""The order and the caching of the steps that serve a published encoder."""

from typing import Any

import yaml

from tests.unit.workloads.pipelines.golden_tasks import assert_in_order, cached
from workloads.embeddings.packages import INSTALLED
from workloads.pipelines.compiled import golden

SPEC, PLATFORM = yaml.safe_load_all(golden("embed").read_text())
TASKS: dict[str, Any] = SPEC["root"]["dag"]["tasks"]
CHAIN = ["load-wheel", "export", "evaluate", "register", "deploy", "smoke"]


def test_every_step_waits_for_the_one_before() -> None:
    assert_in_order(TASKS, CHAIN)


def test_only_steps_that_depend_on_the_wheel_alone_are_cached() -> None:
    assert cached(TASKS) == {"load-wheel", "export"}
    # Else a wheel of the same version with other bytes would never be noticed.
    assert TASKS["load-wheel"]["inputs"]["parameters"].keys() == {"data", "data_sha256"}


def test_only_steps_that_run_the_graph_install_packages() -> None:
    installs = {
        name.removeprefix("exec-")
        for name, each in SPEC["deploymentSpec"]["executors"].items()
        if " ".join(map(repr, INSTALLED)) in " ".join(each["container"]["command"])
    }
    assert installs == {"export", "evaluate"}


def test_what_is_served_is_compared_with_what_the_export_made() -> None:
    held_back = TASKS["smoke"]["inputs"]["artifacts"]["held_back"]["taskOutputArtifact"]
    assert held_back == {"outputArtifactKey": "held_back", "producerTask": "export"}
