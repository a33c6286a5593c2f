"""The inputs of the pipeline, and what the command refuses."""

import argparse
import re

import pytest

from workloads.embeddings import commands, wheels
from workloads.errors import WorkloadsError


def parsed(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return parser.parse_args(given)


def test_the_wheel_is_named_by_version_and_digest() -> None:
    found = commands.inputs("texts", minimum_pairs_found=0.5)
    assert found == {
        "data": commands.DATA,
        "data_sha256": commands.SHA256,
        "model_name": "texts",
        "minimum_pairs_found": 0.5,
    }
    assert wheels.requirement_of(commands.DATA)
    assert re.fullmatch("[0-9a-f]{64}", commands.SHA256)
    assert parsed().data == commands.DATA


def test_the_default_name_is_one_that_a_model_can_have() -> None:
    assert commands.inputs(parsed().name)["model_name"] == commands.NAME
    with pytest.raises(WorkloadsError, match="ends as versions of a model do"):
        commands.inputs("all-minilm-l6-v2")


def test_a_laptop_is_refused_in_one_line() -> None:
    commands.refuse_local(parsed())
    with pytest.raises(
        WorkloadsError, match=r"^--local: a laptop has no serving runtime for embeddings; run "
    ):
        commands.refuse_local(parsed("--local"))
