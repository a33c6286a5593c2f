"""The objects of this machine's platform and of production's pass a policy scanner."""

import copy
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.parts import serving
from simulation import policy_scan
from simulation.policy_scan import KUBERNETES, Verdict
from tests.fixtures import manifests, platform
from tests.fixtures.manifests import Manifest

pytestmark = pytest.mark.slow

# What the other stacks have beyond these is one more device plugin, of the same shape.
_STACKS = ("local", "prod")
# Setting of a container -> the check that finds it.
_FAULTS = {
    "privileged": (True, "CKV_K8S_16"),
    "allowPrivilegeEscalation": (True, "CKV_K8S_20"),
    "readOnlyRootFilesystem": (False, "CKV_K8S_22"),
}


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """The objects of a stack, and what the scanner says of them."""

    objects: list[Manifest]
    verdict: Verdict

    def workloads(self) -> list[Manifest]:
        """Return the objects with a template of pods."""
        return [each for each in self.objects if manifests.has_pods(each)]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scanned]:
    found: dict[str, Scanned] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KUBECONFIG", raising=False)
        for stack in _STACKS:
            planned = [*manifests.objects(platform.stack(stack).registrations)]
            objects = [
                # No check reads definitions, which are most of the text.
                *(each for each in planned if each["kind"] != "CustomResourceDefinition"),
                *manifests.predictors(planned, serving.MODELS_NAMESPACE),
            ]
            text = manifests.text(objects)
            verdict = policy_scan.scan(text, KUBERNETES, stack, tmp_path_factory.mktemp("scan"))
            found[stack] = Scanned(objects=objects, verdict=verdict)
    return found


@pytest.mark.parametrize("stack", _STACKS)
def test_the_scanner_reads_every_object_and_the_pods_of_workloads(
    stack: str, scanned: dict[str, Scanned]
) -> None:
    found = scanned[stack]
    assert len(found.workloads()) > 15
    assert found.verdict.resources == len(found.objects) + len(found.workloads())
    assert found.verdict.passed > 1500
    assert "Pod" in {each["kind"] for each in found.objects}, "no container of a serving runtime is scanned"


@pytest.mark.parametrize("stack", _STACKS)
def test_no_check_fails_without_a_reason(stack: str, scanned: dict[str, Scanned]) -> None:
    assert scanned[stack].verdict.failures() == []


def test_every_suppression_is_still_needed(scanned: dict[str, Scanned]) -> None:
    verdicts = {stack: each.verdict for stack, each in scanned.items()}
    assert policy_scan.needless(KUBERNETES.suppressions(), verdicts) == []


def test_a_server_that_may_do_more_is_found(scanned: dict[str, Scanned], tmp_path: Path) -> None:
    (client,) = [each for each in scanned["local"].workloads() if each["metadata"]["name"] == "traefik"]
    planted: list[Manifest] = []
    for setting, (value, _) in _FAULTS.items():
        fault = copy.deepcopy(client)
        fault["metadata"]["name"] = setting.lower()
        fault["spec"]["template"]["spec"]["containers"][0]["securityContext"][setting] = value
        planted.append(fault)
    verdict = policy_scan.scan(manifests.text(planted), KUBERNETES, "local", tmp_path)
    found = {(each.address.rpartition(".")[2], each.check) for each in verdict.failed}
    # None of them is among those that may have a token.
    expected = {
        (setting.lower(), check) for setting, (_, own) in _FAULTS.items() for check in (own, "CKV_K8S_38")
    }
    assert expected <= found
