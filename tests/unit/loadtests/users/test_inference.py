from collections import Counter

from tests.fixtures.load_runs import LoadRun
from tests.fixtures.stub_platform import stub_platform


def test_both_protocols_are_used_in_both_batch_sizes(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, "serving-gate", "--once")
    assert (code, report["outcome"]) == (0, "passed"), errors
    assert Counter(stub.requests[2:]) == {
        "POST wine-models /v1/models/wine:predict": 2,
        "POST wine-models /v2/models/wine/infer": 2,
    }
    assert [each["name"] for each in report["operations"]] == ["v1x1", "v1x32", "v2x1", "v2x32"]


def test_swapped_classes_are_a_wrong_answer(load_run: LoadRun) -> None:
    with stub_platform(wrong_every=4) as stub:
        code, report, _ = load_run(stub, "serving-gate", "--once")
    assert (code, report["outcome"], report["statistics"]["wrong"]) == (1, "failed", 1)
    assert report["failures"][0]["what"] == "wrong: probabilities differ from those at training time"


def test_a_redirect_is_not_followed(load_run: LoadRun) -> None:
    with stub_platform() as other, stub_platform(redirect_to=f"{other.url}/v1/models/wine:predict") as stub:
        code, report, _ = load_run(stub, "serving-gate", "--once")
    assert (code, report["statistics"]["failed"]) == (1, 4)
    assert other.requests == []
