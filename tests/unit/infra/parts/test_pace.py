"""The pace of the settings as durations."""

from components.monitoring.timing import OPERATION, REHEARSAL
from infra.parts.pace import timing
from infra.settings import reader


def test_without_a_choice_alerts_come_at_the_pace_of_operation() -> None:
    cluster = {"kind": "kubeconfig", "name": "local"}
    assert timing(reader.parse({"cluster": cluster})) is OPERATION
    assert timing(reader.parse({"cluster": cluster, "monitoring": {"pace": "rehearsal"}})) is REHEARSAL
