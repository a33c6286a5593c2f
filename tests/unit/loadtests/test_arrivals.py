from collections.abc import Sequence

from loadtests.arrivals import Arrival, Arrivals
from loadtests.measurements import Observation
from loadtests.profile import Profile
from loadtests.shapes import Phase


def profile(shape: dict[str, object], **values: object) -> Profile:
    document = {
        "name": "mine",
        "description": "a test",
        "user": "inference",
        "users": 2,
        "warmUpSeconds": 0.1,
        "mix": {"v1x1": 1},
        "slo": {},
        "shape": shape,
    }
    return Profile.model_validate({**document, **values})


def taken(arrivals: Arrivals) -> list[Arrival]:
    found: list[Arrival] = []
    while (arrival := arrivals.take()) is not None:
        found.append(arrival)
    return found


def on(_observations: Sequence[Observation], _over: Sequence[Phase]) -> bool:
    return True


def test_operations_are_dispatched_when_due_even_if_no_user_takes_them() -> None:
    arrivals = Arrivals(profile({"kind": "steady", "rate": 50, "seconds": 0.4}))
    arrivals.dispatch(on)
    assert arrivals.backlog == 25
    found = taken(arrivals)
    assert [each.phase for each in found] == [-1] * 5 + [0] * 20
    due = [each.due - arrivals.began for each in found]
    assert [round(moment, 3) for moment in due[:7]] == [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12]
    assert all(each.sent >= each.due for each in found)


def test_every_user_is_notified_at_the_end() -> None:
    arrivals = Arrivals(profile({"kind": "steady", "rate": 10, "seconds": 0.2}, users=3))
    arrivals.dispatch(on)
    taken(arrivals)
    assert [arrivals.take(), arrivals.take()] == [None, None]


def test_once_means_every_operation_once_and_at_once() -> None:
    arrivals = Arrivals(profile({"kind": "steady", "rate": 1, "seconds": 60}, mix={}), once=True)
    arrivals.dispatch(on)
    assert [each.operation for each in taken(arrivals)] == ["v1x1", "v1x32", "v2x1", "v2x32"]


def test_a_ramp_ends_when_its_callback_says_so() -> None:
    arrivals = Arrivals(profile({"kind": "ramp", "rate": 20, "limit": 100, "growth": 1.5, "stepSeconds": 1}))
    asked: list[tuple[int, int]] = []

    def goes_on(observations: Sequence[Observation], over: Sequence[Phase]) -> bool:
        asked.append((len(observations), len(over)))
        return len(over) < 1

    arrivals.dispatch(goes_on)
    assert asked == [(2, 0), (22, 1)]
    assert [phase.rate for phase in arrivals.phases] == [20]


def test_operations_without_an_answer_at_the_end_are_recorded_as_such() -> None:
    arrivals = Arrivals(profile({"kind": "steady", "rate": 20, "seconds": 0.2}, warmUpSeconds=0))
    arrivals.dispatch(on)
    first, second = arrivals.take(), arrivals.take()
    assert first is not None
    assert second is not None
    arrivals.done(first)
    assert arrivals.unfinished == 3
    arrivals.give_up()
    assert arrivals.unfinished == 0
    arrivals.done(second)
    assert [each.fault for each in arrivals.observations] == ["", *["no answer when the run ended"] * 3]
    assert all(each.ended >= each.sent >= each.due >= 0 for each in arrivals.observations)
