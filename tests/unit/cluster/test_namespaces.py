import pytest

from cluster import namespaces
from cluster.instance import MARK, Instance
from harness import processes
from upstream.cache import write_atomically


def test_processes_are_found_by_their_mark_and_ended(instance: Instance) -> None:
    sleep = ["/bin/sleep", "60"]
    with (
        processes.started(sleep, {MARK: str(instance.folder)}) as process,
        processes.started(sleep, {MARK: f"{instance.folder}-other"}) as other,
    ):
        assert namespaces.marked_processes(instance) == [process.pid]
        # Reaping is what a parent does; here the parent is this test.
        process.kill()
        process.wait(10)
        namespaces.end(instance)
        assert namespaces.marked_processes(instance) == []
        assert other.poll() is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"plan": "p"}'])
def test_a_damaged_report_is_no_report(instance: Instance, text: str) -> None:
    assert namespaces.read_status(instance) is None
    write_atomically(instance.status, text)
    assert namespaces.read_status(instance) is None


def test_faults_name_what_does_not_run() -> None:
    status = namespaces.Status(
        plan="p",
        started=0.0,
        processes={
            "etcd": {"state": "running", "last_exit": ""},
            "kubelet": {"state": "restarting", "last_exit": "exit 1 at 10:00:00"},
        },
    )
    assert status.faults() == ["kubelet restarting (last: exit 1 at 10:00:00)"]
