"""The expressions themselves are evaluated by a real API server: tests/gpu_sim."""

from typing import Any

from components.gpus import gpu_admission
from components.gpus.gpu_queues import TOLERATION


def by_kind() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in gpu_admission.objects()}


def test_each_policy_is_bound() -> None:
    found = by_kind()
    for kind in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
        policy, binding = found[kind], found[f"{kind}Binding"]
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]


def test_tolerations_are_for_everyone_and_refusals_for_teams_alone() -> None:
    found = by_kind()
    assert found["MutatingAdmissionPolicyBinding"]["spec"] == {"policyName": gpu_admission.ADD_TOLERATION}
    refusal = found["ValidatingAdmissionPolicyBinding"]["spec"]
    assert refusal["validationActions"] == ["Deny"]
    assert refusal["matchResources"] == {
        "namespaceSelector": {"matchExpressions": [{"key": "plinth.dev/team", "operator": "Exists"}]}
    }


def test_only_the_creation_of_pods_is_looked_at() -> None:
    for spec in (gpu_admission.add_toleration(), gpu_admission.deny_non_gpu_pods()):
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
