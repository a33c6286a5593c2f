"""The expressions themselves are evaluated by a real API server: tests/gpu_sim."""

from typing import Any

from components.gpus import gpu_admission
from components.gpus.gpu_pools import TOLERATION


def by_kind() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in gpu_admission.objects():
        found.setdefault(each["kind"], []).append(each)
    return found


def bindings() -> dict[str, dict[str, Any]]:
    """Return policy -> spec of its binding."""
    return {
        each["spec"]["policyName"]: each["spec"]
        for kind, objects in by_kind().items()
        if kind.endswith("Binding")
        for each in objects
    }


def test_each_policy_is_bound() -> None:
    found = by_kind()
    for kind in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
        bound = [each["spec"]["policyName"] for each in found[f"{kind}Binding"]]
        assert bound == [each["metadata"]["name"] for each in found[kind]]


def test_tolerations_are_for_everyone_and_all_else_is_for_teams_alone() -> None:
    found = bindings()
    assert found.pop(gpu_admission.ADD_TOLERATION) == {"policyName": gpu_admission.ADD_TOLERATION}
    assert found[gpu_admission.DENY_NON_GPU_PODS]["validationActions"] == ["Deny"]
    teams = {"namespaceSelector": {"matchExpressions": [{"key": "plinth.dev/team", "operator": "Exists"}]}}
    others = {
        "namespaceSelector": {"matchExpressions": [{"key": "plinth.dev/team", "operator": "DoesNotExist"}]}
    }
    assert found.pop(gpu_admission.DENY_GPUS_ELSEWHERE)["matchResources"] == others
    assert [each["matchResources"] for each in found.values()] == [teams, teams]


def test_without_teams_gpus_are_for_everyone() -> None:
    names = {each["metadata"]["name"] for each in gpu_admission.objects(shared=False)}
    assert gpu_admission.DENY_GPUS_ELSEWHERE not in names
    assert gpu_admission.DENY_NON_GPU_PODS in names


def test_only_the_creation_of_pods_is_looked_at() -> None:
    policies = (gpu_admission.add_toleration(), gpu_admission.keep_node(), gpu_admission.deny_non_gpu_pods())
    for spec in policies:
        (rule,) = spec["matchConstraints"]["resourceRules"]
        assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
        assert spec["failurePolicy"] == "Fail"


def test_the_toleration_is_the_one_of_the_pools_whether_or_not_there_are_others() -> None:
    (mutation,) = gpu_admission.add_toleration()["mutations"]
    expression = mutation["jsonPatch"]["expression"]
    written = ", ".join(f"{key}: '{value}'" for key, value in TOLERATION.items())
    assert expression.count(f"Object.spec.tolerations{{{written}}}") == 2
    assert "'/spec/tolerations/-'" in expression
    assert "'/spec/tolerations'" in expression


def test_slices_count_and_so_do_init_containers() -> None:
    expression = gpu_admission.requests_gpu("object.spec.template.spec")
    assert "name.startsWith('nvidia.com/')" in expression
    assert "object.spec.template.spec.containers" in expression
    assert "has(object.spec.template.spec.initContainers)" in expression


def test_a_run_ends_for_no_idle_node_unless_its_pod_says_that_it_may() -> None:
    spec = gpu_admission.keep_node()
    (mutation,) = spec["mutations"]
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    assert f"annotations: {{'{key}': 'false'}}" in mutation["applyConfiguration"]["expression"]
    gpu, silent = spec["matchConditions"]
    assert "nvidia.com/" in gpu["expression"]
    assert f"!('{key}' in object.metadata.annotations)" in silent["expression"]
