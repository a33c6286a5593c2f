from components.shapes import pod_security


def test_a_namespace_refuses_warns_and_records() -> None:
    assert set(pod_security.namespace_labels("restricted").values()) == {"restricted"}
    assert "pod-security.kubernetes.io/enforce" in pod_security.namespace_labels("baseline")


def test_pods_run_as_one_numeric_user_that_owns_its_volumes() -> None:
    context = pod_security.pod_context()
    assert context.get("run_as_non_root") is True
    assert {context.get(key) for key in ("run_as_user", "run_as_group", "fs_group")} == {65532}


def test_a_container_has_a_memory_limit_and_no_cpu_limit() -> None:
    assert pod_security.sizes(cpu="1", memory="1Gi", memory_limit="2Gi") == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"memory": "2Gi"},
    }


def test_root_is_the_one_user_below_the_restricted_standard() -> None:
    context = pod_security.pod_context(pod_security.ROOT)
    assert context == {"run_as_user": 0, "seccomp_profile": {"type": "RuntimeDefault"}}


def test_probes_allow_as_many_failures_as_a_start_takes_seconds() -> None:
    http = pod_security.http_probe("/health", 80, startup_seconds=60)
    assert http.get("http_get") == {"path": "/health", "port": 80}
    assert http.get("failure_threshold") == 60
    assert pod_security.tcp_probe(80).get("tcp_socket") == {"port": 80}
    command = pod_security.command_probe(["true"])
    assert command.get("exec_") == {"command": ["true"]}
    assert command.get("failure_threshold") == 180
    assert {probe.get("timeout_seconds") for probe in (http, command)} == {5}
