from typing import Any

import pulumi
import pytest

from components.shapes import job_pods
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy

PROGRAM = job_pods.JobProgram(module="create_buckets", files={"buckets.json": "{}"})


def test_the_program_comes_with_what_it_imports() -> None:
    assert PROGRAM.data().keys() == {"create_buckets.py", "wait.py", "buckets.json"}
    more = job_pods.JobProgram(module="convert_text", files={}, imports=("mysql_client",))
    assert more.data().keys() == {"convert_text.py", "mysql_client.py", "wait.py"}


@pytest.mark.parametrize(
    "other",
    [
        job_pods.JobProgram(module="create_buckets", files={"buckets.json": "[]"}),
        job_pods.JobProgram(module="migrate_tracking", files={"buckets.json": "{}"}),
    ],
)
def test_another_program_or_file_is_another_digest(other: job_pods.JobProgram) -> None:
    assert PROGRAM.digest() == PROGRAM.digest()
    assert PROGRAM.digest() != other.digest()
    assert PROGRAM.digest() != PROGRAM.digest("image:2")


def test_a_job_runs_once_and_finds_its_modules_beside_those_of_the_image() -> None:
    spec: Any = job_pods.spec(PROGRAM, image="i", config_map="c", labels={}, env=[])
    assert spec["backoff_limit"] == 0
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    # PYTHONPATH would replace the image's own; the working directory is added to it.
    assert container["working_dir"] == "/program"
    assert "PYTHONPATH" not in [each["name"] for each in container["env"]]
    paths = {item["key"]: item["path"] for item in pod["volumes"][0]["config_map"]["items"]}
    assert paths["create_buckets.py"] == "components/jobs/create_buckets.py"
    assert f"/program/{paths['buckets.json']}" == PROGRAM.path("buckets.json")


def test_a_secret_is_mounted_as_the_files_that_are_asked_for() -> None:
    spec: Any = job_pods.spec(
        PROGRAM,
        image="i",
        config_map="c",
        labels={},
        env=[],
        secrets={"/accounts": ("all", ("password", "statements.sql"))},
    )
    pod = spec["template"]["spec"]
    (mount,) = [each for each in pod["containers"][0]["volume_mounts"] if each["mount_path"] == "/accounts"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert mount["read_only"] is True
    assert volume["secret"] == {
        "secret_name": "all",
        "items": [{"key": each, "path": each} for each in ("password", "statements.sql")],
    }


class Server(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(component="server", namespace="place", labels={"a": "b"}, selector={}, parent=self)
        job_pods.create_program(owner, PROGRAM, role="buckets-program", name="server-buckets")


def test_a_program_is_kept_in_a_config_map_of_its_component() -> None:
    deployment = deploy(Server)
    program = deployment.one("ConfigMap", "server-buckets-program")
    assert program.inputs["data"] == PROGRAM.data()
    assert program.inputs["metadata"] == {
        "name": "server-buckets",
        "namespace": "place",
        "labels": {"a": "b"},
    }
    assert program.parent == deployment.component().urn
