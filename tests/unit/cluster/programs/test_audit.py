import json
from pathlib import Path

from cluster.instance import Instance
from cluster.programs import audit


def test_who_reads_secrets_or_enters_pods_is_on_record_without_the_secret(instance: Instance) -> None:
    flags = dict(each.removeprefix("--").split("=") for each in audit.flags(instance))
    nodes, recorded, rest = json.loads(Path(flags["audit-policy-file"]).read_text())["rules"]
    assert nodes["userGroups"] == ["system:nodes"]
    assert recorded["level"] == "Metadata", "a body holds the secret"
    assert {"secrets", "pods/exec", "tokenreviews"} <= {
        name for each in recorded["resources"] for name in each.get("resources", [])
    }
    assert rest == {"level": "None"}


def test_the_log_is_bounded_and_for_its_owner_alone(instance: Instance) -> None:
    flags = dict(each.removeprefix("--").split("=") for each in audit.flags(instance))
    assert flags["audit-log-path"] == str(audit.log(instance))
    assert int(flags["audit-log-maxsize"]) * (int(flags["audit-log-maxbackup"]) + 1) <= 100
    assert audit.log(instance).parent.stat().st_mode & 0o077 == 0
