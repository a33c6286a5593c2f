from components.shapes import pod_security


def test_a_namespace_refuses_warns_and_records() -> None:
    assert set(pod_security.namespace_labels("restricted").values()) == {"restricted"}
    assert "pod-security.kubernetes.io/enforce" in pod_security.namespace_labels("baseline")


def test_pods_run_as_one_numeric_user_that_owns_its_volumes() -> None:
    context = pod_security.pod_context(65532)
    assert context.get("run_as_non_root") is True
    assert {context.get(key) for key in ("run_as_user", "run_as_group", "fs_group")} == {65532}


def test_a_container_has_a_memory_limit_and_no_cpu_limit() -> None:
    assert pod_security.sizes(cpu="1", memory="1Gi", memory_limit="2Gi") == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"memory": "2Gi"},
    }


def test_probes_say_how_long_they_wait() -> None:
    probe = pod_security.http_probe("/health", 80, period_seconds=1, failures=60)
    assert (probe.get("period_seconds"), probe.get("failure_threshold")) == (1, 60)
    assert pod_security.command_probe(["true"], period_seconds=1, failures=2).get("exec_") == {
        "command": ["true"]
    }
