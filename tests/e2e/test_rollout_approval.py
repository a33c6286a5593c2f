"""A rollout that needs an approval has no caller until somebody else than its requester approves it."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.access.roles import Role
from tests.e2e import rolling
from tests.e2e.callers import calling, wait_for_requests
from tests.e2e.rolling import MODEL, ended, serving
from tests.e2e.two_teams import holder_of
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.model_rollout import Phase, rollout_phase, rollout_reason
from workloads.serving.model_rollouts import ModelRollouts

# Trains a version and calls it.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_RATE = 60
# The controller looks once a second: it would have let callers in long before.
_UNAPPROVED_REQUESTS = 10 * _RATE


def _as_holder(endpoints: Endpoints, token: str, folder: Path) -> Endpoints:
    """Return the platform as whoever has a token for its Kubernetes API sees it."""
    known = yaml.safe_load(Path(endpoints.kubeconfig).read_text())
    for user in known["users"]:
        user["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(known))
    file.chmod(0o600)
    return replace(endpoints, kubeconfig=str(file))


def test_a_rollout_waits_without_a_caller_until_a_second_promoter_approves_it(
    endpoints: Endpoints, row: list[float], former: str, tmp_path: Path
) -> None:
    version = rolling.other_version(endpoints)
    digest = rolling.digest_of(endpoints, version)
    own = ModelRollouts(endpoints)
    place = endpoints.models_namespace
    with (
        holder_of(Role.PROMOTER, endpoints, place, audiences=()) as promoter,
        holder_of(Role.MEMBER, endpoints, place, audiences=()) as member,
        calling(endpoints, MODEL, row, rate=_RATE) as answers,
    ):
        name = rolling.begin(endpoints, version, approval={"required": True})
        asked = own.wait(name, [Phase.PAUSED], timeout_seconds=120)
        before = answers.by_digest.total()
        wait_for_requests(answers, before + _UNAPPROVED_REQUESTS)
        asked = own.get(name)
        assert (rollout_phase(asked), asked["status"].get("counts", [])) == (Phase.PAUSED, [])
        assert answers.by_digest[digest] == 0
        with pytest.raises(WorkloadsError, match="somebody else than who has asked"):
            own.approve(name)
        for folder in ("member", "promoter"):
            (tmp_path / folder).mkdir()
        with pytest.raises(WorkloadsError, match="is forbidden: User"):
            ModelRollouts(_as_holder(endpoints, member, tmp_path / "member")).approve(name)
        ModelRollouts(_as_holder(endpoints, promoter, tmp_path / "promoter")).approve(name)
        rollout = ended(endpoints, name)
    assert rollout_phase(rollout) is Phase.PROMOTED, rollout_reason(rollout)
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    assert serving(endpoints) == version != former
    approver, requester = rollout["spec"]["approval"]["by"], rollout["spec"]["requestedBy"]
    assert approver.startswith(f"system:serviceaccount:{place}:promoter-")
    assert approver != requester
