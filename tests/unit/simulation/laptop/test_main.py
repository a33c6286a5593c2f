"""`python -m simulation.laptop`: its exit code and its last word."""

import pytest

from simulation.laptop import __main__ as command
from simulation.laptop import hold
from workloads.errors import WorkloadsError


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (WorkloadsError("MLflow ended: no space"), 1, "error: MLflow ended: no space\n"),
        (KeyboardInterrupt(), 130, "error: interrupted; nothing is left running\n"),
    ],
)
def test_an_error_is_one_line(
    error: BaseException,
    code: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr(hold, "hold", fail)
    assert command.main(["hold", "--", "true"]) == code
    assert capsys.readouterr().err == shown


def test_the_command_is_held_as_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[object] = []

    def keep(argv: list[str], *, stay: bool) -> int:
        held.append((argv, stay))
        return 7

    monkeypatch.setattr(hold, "hold", keep)
    assert command.main(["hold", "--stay", "--", "python", "-m", "x", "--local"]) == 7
    assert command.main(["hold", "--", "true"]) == 7
    assert held == [(["python", "-m", "x", "--local"], True), (["true"], False)]
