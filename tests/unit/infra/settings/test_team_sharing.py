from components.queues.team_quotas import QueuedTeam
from infra.settings import team_sharing
from infra.settings.teams import TeamSettings


def test_teams_keep_their_quotas_and_what_they_may_borrow() -> None:
    values = {
        "name": "research",
        "gpuQuota": {"training": 8},
        "borrowingLimit": 4,
        "cpuQuota": 2,
        "cpuBorrowingLimit": 0.5,
    }
    assert team_sharing.teams([TeamSettings.model_validate(values)]) == (
        QueuedTeam(
            name="research",
            quota={"training": 8},
            borrowing_limit=4,
            cpu_quota=2.0,
            cpu_borrowing_limit=0.5,
        ),
    )


def test_without_a_quota_of_cpus_they_are_not_counted() -> None:
    (team,) = team_sharing.teams([TeamSettings.model_validate({"name": "research"})])
    assert team.cpu_quota is None
