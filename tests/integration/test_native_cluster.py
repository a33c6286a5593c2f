"""The life of a native cluster on this machine: made, used, broken, healed, doubled, removed."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cluster import namespaces
from cluster.addons import addons, storage
from cluster.instance import Endpoints, Instance
from cluster.programs import audit
from cluster.wait import wait_for
from harness import leftovers

_UP_SECONDS = 300
_POD_SECONDS = 90
_NAMES = ("lifecycle", "lifecycle-second", "lifecycle-half")


def _cli(*arguments: str, timeout_seconds: float = _UP_SECONDS) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "cluster", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout_seconds)


def _up(name: str, *arguments: str) -> Endpoints:
    done = _cli("up", "--kind", "native", "--name", name, *arguments)
    assert done.returncode == 0, done.stderr
    return Instance(name).endpoints()


def _down(name: str) -> None:
    done = _cli("down", "--kind", "native", "--name", name)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class _Running:
    instance: Instance
    endpoints: Endpoints

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_seconds: float = 60) -> str:
        return addons.kubectl(self.instance, *arguments, stdin=stdin, timeout_seconds=timeout_seconds)

    def apply(self, *items: object) -> None:
        listing = {"apiVersion": "v1", "kind": "List", "items": items}
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listing))

    def holder(self) -> int:
        pid = namespaces.holder(self.instance)
        assert pid is not None
        return pid


@pytest.fixture(scope="module")
def before() -> Generator[leftovers.Snapshot]:
    for name in _NAMES:
        _down(name)
    snapshot = leftovers.take(*(Instance(name) for name in _NAMES))
    yield snapshot
    for name in _NAMES:
        _down(name)


@pytest.fixture(scope="module")
def running(before: leftovers.Snapshot) -> _Running:
    return _Running(Instance("lifecycle"), _up("lifecycle"))


def _pod(name: str, *command: str, **spec: object) -> dict[str, object]:
    container: dict[str, object] = {
        "name": "main",
        "image": storage.helper_image(),
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
    }
    if "volumes" in spec:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def _await_ready(running: _Running, *pods: str) -> None:
    names = [f"pod/{pod}" for pod in pods]
    running.kubectl(
        "wait",
        "--for=condition=Ready",
        f"--timeout={_POD_SECONDS}s",
        *names,
        timeout_seconds=_POD_SECONDS + 10,
    )


def test_up_on_a_healthy_cluster_changes_nothing_and_is_quick(running: _Running) -> None:
    holder = running.holder()
    started = time.monotonic()
    endpoints = _up("lifecycle")
    assert time.monotonic() - started < 10
    assert endpoints == running.endpoints
    assert running.holder() == holder


def test_api_and_registry_answer_on_loopback(running: _Running) -> None:
    api = running.kubectl("get", f"--server={running.endpoints.api}", "--raw=/readyz")
    assert api == "ok"
    assert httpx.get(f"http://{running.endpoints.registry}/v2/", trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "manifests/1"),
        ("POST", "blobs/uploads/"),
        ("DELETE", "manifests/sha256:" + "0" * 64),
    ],
)
def test_nobody_replaces_an_image_through_the_registry(running: _Running, method: str, path: str) -> None:
    url = f"http://{running.endpoints.registry}/v2/plinth/volume-helper/{path}"
    assert httpx.request(method, url, content=b"{}", trust_env=False).status_code == 405


def test_other_users_of_this_machine_read_no_volume_key_or_kubeconfig(running: _Running) -> None:
    folder = running.instance.folder
    secret = [
        running.instance.kubeconfig,
        *running.instance.pki.rglob("*.key"),
        *running.instance.pki.glob("*.conf"),
    ]
    assert len(secret) > 5
    # Wherever the cache is: nobody else passes the folder, nor reads what is secret in it.
    found = {path: path.stat().st_mode & 0o077 for path in (folder, *secret)}
    assert found == dict.fromkeys(found, 0)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", str(secret[0])]
    done = subprocess.run(as_nobody, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr


def test_who_reads_a_secret_is_on_record(running: _Running) -> None:
    name = f"watched-{secrets.token_hex(4)}"
    running.kubectl("create", "secret", "generic", name, "--from-literal=key=c2VjcmV0LXZhbHVl")
    running.kubectl("get", "secret", name)
    events = [json.loads(line) for line in audit.log(running.instance).read_text().splitlines()]
    found = [each for each in events if each["objectRef"].get("name") == name]
    assert {each["verb"] for each in found} >= {"get"}
    assert all(each["user"]["username"] and each["level"] == "Metadata" for each in found)
    assert "c2VjcmV0LXZhbHVl" not in audit.log(running.instance).read_text()


def test_pods_find_each_other_by_name_and_logs_and_exec_work(running: _Running) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"selector": {"app": "hello"}, "ports": [{"port": 80, "targetPort": 8000}]},
    }
    serve = (
        "echo started; mkdir -p /tmp/www; echo world > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www"
    )
    running.apply(service, _pod("hello", "sh", "-c", serve), _pod("client", "sleep", "100000"))
    _await_ready(running, "hello", "client")
    assert running.kubectl("logs", "pod/hello") == "started\n"

    def answered() -> str | None:
        fetch = ["exec", "client", "--", "wget", "-q", "-O", "-", "http://hello.default.svc.cluster.local/"]
        done = subprocess.run(
            [str(part) for part in (addons.binaries.path("kubectl"), *fetch)],
            env={**os.environ, "KUBECONFIG": running.endpoints.kubeconfig},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return None if done.stdout == "world\n" else done.stderr or done.stdout or "nothing"

    wait_for("answer", answered, timeout_seconds=30, interval_seconds=0.5)


def test_a_network_policy_blocks_and_its_removal_opens(running: _Running) -> None:
    fetch = (
        "exec",
        "client",
        "--",
        "sh",
        "-c",
        "nc -w 2 hello.default 80 < /dev/null && echo open || echo closed",
    )
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"app": "hello"}}, "policyTypes": ["Ingress"]},
    }

    def sees(wanted: str) -> None:
        def probe() -> str | None:
            found = running.kubectl(*fetch).strip()
            return None if found == wanted else found

        wait_for(f"port {wanted}", probe, timeout_seconds=30, interval_seconds=0.5)

    sees("open")
    running.apply(policy)
    try:
        sees("closed")
    finally:
        running.kubectl("delete", "networkpolicy", "deny")
    sees("open")


def test_a_killed_process_is_started_again(running: _Running) -> None:
    victim = _process_inside(running, "kube-scheduler")
    os.kill(victim, signal.SIGKILL)

    def restarted() -> str | None:
        status = namespaces.read_status(running.instance)
        entry = status.processes["kube-scheduler"] if status else {}
        return None if entry.get("restarts") and entry.get("state") == "running" else str(entry)

    wait_for("kube-scheduler", restarted, timeout_seconds=30)
    done = _cli("status", "--name", "lifecycle")
    assert done.returncode == 0
    assert "1 restarts (last: signal SIGKILL" in done.stdout


def _process_inside(running: _Running, program: str) -> int:
    space = Path(f"/proc/{running.holder()}/ns/net").readlink()
    for folder in Path("/proc").iterdir():
        try:
            here = (folder / "ns" / "net").readlink() == space
            if here and (folder / "exe").readlink().name == program:
                return int(folder.name)
        except OSError:
            continue
    pytest.fail(f"no {program} in the instance")


def test_a_killed_cluster_heals_with_its_data(running: _Running) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    write = "[ -f /data/kept ] || echo first > /data/kept; exec sleep 100000"
    running.apply(claim, _pod("keeper", "sh", "-c", write, volumes=volumes))
    _await_ready(running, "keeper")
    os.kill(running.holder(), signal.SIGKILL)
    done = _cli("status", "--name", "lifecycle")
    assert done.returncode == 1
    assert "fault: cluster 'lifecycle' is not running" in done.stdout

    assert _up("lifecycle") == running.endpoints
    restarts = "--output=jsonpath={.status.containerStatuses[0].restartCount}"
    wait_for(
        "restart of keeper",
        lambda: None if running.kubectl("get", "pod/keeper", restarts) not in {"", "0"} else "not restarted",
        timeout_seconds=_POD_SECONDS,
        interval_seconds=0.5,
    )
    _await_ready(running, "keeper")
    assert running.kubectl("exec", "keeper", "--", "cat", "/data/kept") == "first\n"


def test_up_killed_at_any_moment_heals_when_run_again() -> None:
    name = "lifecycle-half"
    for seconds in (0.3, 1.5, 4.0):
        argv = [sys.executable, "-m", "cluster", "up", "--kind", "native", "--name", name]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    _up(name)
    assert _cli("status", "--name", name).returncode == 0
    _down(name)
    assert not Instance(name).folder.exists()


def test_two_instances_stand_side_by_side(running: _Running) -> None:
    second = _up("lifecycle-second")
    first = running.endpoints
    assert len({first.api, second.api, first.gateway, second.gateway, first.registry, second.registry}) == 6
    assert first.node_ip != second.node_ip
    other = _Running(Instance("lifecycle-second"), second)
    other.apply(_pod("hello", "sleep", "100000"))
    _await_ready(other, "hello")
    _down("lifecycle-second")
    assert running.kubectl("get", "--raw=/readyz") == "ok"


def test_a_port_that_is_taken_is_named_with_its_holder() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        done = _cli("up", "--kind", "native", "--name", "lifecycle-half", "--gateway-port", str(port))
    assert done.returncode == 1
    assert f"error: --gateway-port {port} is taken by " in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert "Traceback" not in done.stderr


def test_while_one_command_works_on_an_instance_the_next_is_refused() -> None:
    hold = [
        sys.executable,
        "-m",
        "cluster",
        "hold",
        "--name",
        "lifecycle-half",
        "make up",
        "--",
        "sleep",
        "60",
    ]
    process = subprocess.Popen(hold)
    try:
        lock = Instance("lifecycle-half").lock
        wait_for("lock", lambda: None if lock.exists() and lock.read_text() else "free", timeout_seconds=15)
        done = _cli("up", "--kind", "native", "--name", "lifecycle-half")
        assert done.returncode == 1
        assert f"in use by `make up` (pid {process.pid}, since " in done.stderr
    finally:
        process.terminate()
        process.wait(20)


def test_down_leaves_nothing_behind(running: _Running, before: leftovers.Snapshot) -> None:
    running.holder()
    for name in _NAMES:
        _down(name)
    after = leftovers.take(*(Instance(name) for name in _NAMES))
    assert leftovers.left_behind(before, after) == {}
    assert not any(Instance(name).folder.exists() for name in _NAMES)
