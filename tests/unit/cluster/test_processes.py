from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.processes import Network, Plan, Process, read_plan

_PLAN = Plan(
    instance="test",
    folder="/cache/clusters/test",
    network=Network(link="l", host_ip="10.0.0.1", node_ip="10.0.0.2", prefix=30, service_cidr="10.96.0.0/16"),
    binds={"/var/log": "/cache/clusters/test/var-log"},
    configuration="c0ffee",
    processes=(
        Process(name="a", argv=("/bin/a", "--x"), environment={"GOGC": "50"}, needs=("127.0.0.1:1",)),
        Process(name="b", argv=("/bin/b",), host_network=True),
    ),
)


def test_a_plan_survives_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(_PLAN.text())
    assert read_plan(path) == _PLAN
    assert read_plan(path).digest() == _PLAN.digest()


def test_a_program_of_this_repository_is_the_same_from_every_checkout() -> None:
    def plan(**changes: Any) -> Plan:
        here = Process(
            name="a",
            argv=("/here/.venv/bin/python", "-m", "a", "/folder"),
            environment={"PYTHONPATH": "/here", "PYTHONUNBUFFERED": "1"},
            own=True,
        )
        return replace(_PLAN, processes=(replace(here, **changes), *_PLAN.processes))

    environment = {"PYTHONPATH": "/there", "PYTHONUNBUFFERED": "1"}
    argv = ("/there/.venv/bin/python", "-m", "a", "/folder")
    assert plan(argv=argv, environment=environment).digest() == plan().digest()
    assert plan(argv=argv, environment=environment).text() != plan().text()
    for changes in (
        {"argv": (*argv[:-1], "/other")},
        {"environment": {**environment, "PYTHONUNBUFFERED": "0"}},
        # Paths of programs that are built have their content in them.
        {"argv": argv, "own": False},
    ):
        assert plan(**changes).digest() != plan().digest()


def test_a_changed_setting_changes_the_digest() -> None:
    assert replace(_PLAN, configuration="other").digest() != _PLAN.digest()
