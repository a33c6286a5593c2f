from pathlib import Path

import pytest
import yaml

from loadtests import profile
from loadtests.errors import LoadtestError
from loadtests.profile import OPERATIONS, UserKind
from loadtests.shapes import Ramp

GOOD = """
description: a test
user: inference
shape: {kind: steady, rate: 10, seconds: 5}
slo: {p99Ms: 100}
"""


def written(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    return str(file)


def test_every_shipped_profile_can_be_read_and_each_user_and_shape_has_one() -> None:
    found = [profile.load(name) for name in profile.names()]
    assert {each.user for each in found} == set(UserKind)
    assert {each.shape.kind for each in found} == {"steady", "ramp", "spike", "soak"}
    assert all(each.slo.p99_ms for each in found)
    operations = {name for each in found if each.user is UserKind.INFERENCE for name in each.weights}
    assert operations == set(OPERATIONS[UserKind.INFERENCE])


def test_a_profile_may_be_anywhere(tmp_path: Path) -> None:
    found = profile.load(written(tmp_path, GOOD))
    assert (found.name, found.users, found.slo.p99_ms) == ("mine", 32, 100)
    assert found.weights == {"v1x1": 1, "v1x32": 1, "v2x1": 1, "v2x32": 1}


def test_operations_of_weight_zero_do_not_occur(tmp_path: Path) -> None:
    found = profile.load(written(tmp_path, GOOD + "mix: {v1x1: 3, v2x1: 0}"))
    assert found.weights == {"v1x1": 3}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"slo": {"p99Mss": 100}}, "slo.p99Mss: unknown key; correct or delete it"),
        ({"sloo": {}}, "sloo: unknown key; correct or delete it"),
        ({"slo": None}, "slo: Input should be"),
        ({"user": "inferense"}, "user: Input should be 'inference', 'tracking', 'registry' or 'pipelines'"),
        ({"mix": {"v3": 1}}, "mix: 'v3' is not an operation of inference; give v1x1, v1x32, v2x1, v2x32"),
        ({"mix": {"v1x1": 0}}, "every weight is 0"),
        (
            {"shape": {"kind": "steady", "rate": 0, "seconds": 5}},
            "shape.rate: Input should be greater than 0",
        ),
        ({"shape": {"kind": "steady", "rte": 1, "seconds": 5}}, "shape.rate: missing; give it a value"),
        ({"shape": {"kind": "waves"}}, "shape: Input tag 'waves'"),
        ({"slo": {"saturationPerSecond": 5}}, "slo.saturationPerSecond: only a ramp measures it"),
        ({"users": 1000}, "users: Input should be less than or equal to 256, not 1000"),
        ({"slo": {"p50Ms": 200, "p99Ms": 100}}, "slo: p50Ms 200 is above p99Ms 100"),
        ({"name": "other"}, "name: the file name is the name; delete it"),
    ],
)
def test_a_bad_profile_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    text = yaml.safe_dump({**yaml.safe_load(GOOD), **change})
    with pytest.raises(LoadtestError) as refused:
        profile.load(written(tmp_path, text))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "just words", ""])
def test_a_file_that_is_no_profile_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(LoadtestError) as refused:
        profile.load(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_an_unknown_profile_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(LoadtestError, match="profile nope: unknown; give one of pipelines-steady, registry"):
        profile.load("nope")


def test_another_rate_is_held_to_the_same_bounds() -> None:
    assert profile.load("serving-half").with_rate(321).shape.phases()[0].rate == 321
    with pytest.raises(LoadtestError, match=r"shape\.rate"):
        profile.load("serving-half").with_rate(1e6)
    ramp = profile.load("serving-ramp").with_rate(200).shape
    assert isinstance(ramp, Ramp)
    assert ramp.rate == 200
