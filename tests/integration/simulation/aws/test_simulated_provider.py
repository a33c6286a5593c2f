"""The real engine and the published SDK against the simulated provider: accepted and refused programs."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from simulation.aws.provider import NOTICE
from simulation.aws.simulation import Simulation, simulated
from tests.fixtures.small_program import SmallProgram

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

choices = json.loads(open("choices.json").read())
key = aws.kms.Key("data", description="data", enable_key_rotation=True)
bucket = aws.s3.Bucket("artifacts", bucket=choices["bucket"], tags=choices["tags"])
database = aws.rds.Instance(
    "tracking",
    engine="postgres",
    instance_class=choices["instanceClass"],
    allocated_storage=20,
    username="plinth",
    manage_master_user_password=True,
    skip_final_snapshot=True,
    storage_encrypted=True,
    kms_key_id=key.arn,
    deletion_protection=choices["deletionProtection"],
)
pulumi.export("endpoint", database.endpoint)
pulumi.export("bucket", bucket.arn)
pulumi.export("account", aws.get_caller_identity().account_id)
"""
CHOICES: dict[str, Any] = {
    "bucket": "plinth-artifacts",
    "tags": {"team": "a"},
    "instanceClass": "db.m7g.large",
    "deletionProtection": False,
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProgram:
    return SmallProgram(tmp_path, PROGRAM, CHOICES, monkeypatch)


@pytest.fixture
def simulation(program: SmallProgram, tmp_path: Path) -> Generator[Simulation]:
    with simulated("local", tmp_path / "engine") as simulation:
        simulation.engine.prepare()
        yield simulation


def test_the_engine_creates_keeps_changes_and_destroys(simulation: Simulation, program: SmallProgram) -> None:
    preview = simulation.run_successfully("preview")
    assert preview.summary.changes == {"create": 4}
    made = simulation.run_successfully("up")
    assert made.summary.changes == {"create": 4}
    assert NOTICE in made.notices
    outputs = simulation.engine.outputs()
    assert "simulated" in outputs["endpoint"]
    assert outputs["bucket"] == "arn:aws:s3:::plinth-artifacts"
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0
    program.choose(tags={"team": "b"}, instanceClass="db.m7g.xlarge")
    assert simulation.run_successfully("up").summary.changes == {"update": 2, "same": 2}
    assert simulation.run_successfully("destroy").summary.changes == {"delete": 4}
    assert not simulation.account.names


def test_a_changed_name_replaces_the_bucket_before_the_old_one_is_deleted(
    simulation: Simulation, program: SmallProgram
) -> None:
    simulation.run_successfully("up")
    program.choose(bucket="plinth-artifacts-2")
    preview = simulation.run_successfully("preview")
    replaced = [
        each["resourcePreEvent"]["metadata"]["urn"]
        for each in preview.events
        if each.get("resourcePreEvent", {}).get("metadata", {}).get("op") == "replace"
    ]
    assert [urn.rsplit("::", 1)[-1] for urn in replaced] == ["artifacts"]
    assert simulation.run_successfully("up").summary.changes["replace"] == 1


def test_a_protected_database_is_not_deleted_until_the_protection_is_off(
    simulation: Simulation, program: SmallProgram
) -> None:
    program.choose(deletionProtection=True)
    simulation.run_successfully("up")
    refused = simulation.run("destroy")
    assert refused.code != 0
    assert any("deletionProtection is on" in error for error in refused.summary.errors)
    program.choose()
    simulation.run_successfully("up")
    simulation.run_successfully("destroy")


def test_a_preview_refuses_what_the_published_types_refuse(
    simulation: Simulation, program: SmallProgram
) -> None:
    # The SDK passes nested keys on as they are: only a provider can find a misspelt one.
    program.write(
        "import pulumi_aws as aws\n"
        "aws.eks.NodeGroup('x', cluster_name='c', node_role_arn='arn:aws:iam::123456789012:role/r',\n"
        "    subnet_ids=['subnet-1'], scaling_config={'min_size': 0, 'max_size': 1, 'desired_sise': 0})\n"
    )
    run = simulation.run("preview")
    assert run.code != 0
    errors = " ".join(run.summary.errors)
    assert "scalingConfig.desiredSize is required and missing" in errors
    assert "scalingConfig.desired_sise is not an input here; allowed: desiredSize" in errors


def test_two_resources_of_one_name_are_refused_by_the_account(
    simulation: Simulation, program: SmallProgram
) -> None:
    program.write(
        "import pulumi_aws as aws\naws.s3.Bucket('a', bucket='same')\naws.s3.Bucket('b', bucket='same')\n"
    )
    run = simulation.run("up")
    assert run.code != 0
    assert any("Bucket 'same' already exists" in error for error in run.summary.errors)
