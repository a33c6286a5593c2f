"""Which engine runs a search."""

from pathlib import Path

import pytest

from workloads.experiments import engines


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod in the namespace of runs."""
    (tmp_path / "namespace").write_text("runs\n")
    monkeypatch.setattr(engines, "_NAMESPACE", tmp_path / "namespace")


@pytest.mark.parametrize(("allowed", "chosen"), [(True, "katib"), (False, "optuna")])
@pytest.mark.usefixtures("cluster")
def test_auto_is_katib_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, allowed: bool, chosen: str
) -> None:
    monkeypatch.setattr(engines, "_may_create", lambda _: allowed)
    assert engines.engine_for("auto", early_stopping=False) == chosen
    assert engines.engine_for("auto", early_stopping=True) == "optuna"
    assert engines.engine_for("optuna", early_stopping=False) == "optuna"


def test_outside_of_a_cluster_the_step_searches_itself() -> None:
    assert engines.engine_for("auto", early_stopping=False) == "optuna"
    with pytest.raises(ValueError, match=r"^engine 'katib': this machine has no Katib; give auto or optuna"):
        engines.engine_for("katib", early_stopping=False)


@pytest.mark.usefixtures("cluster")
def test_katib_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_may_create", lambda _: False)
    with pytest.raises(ValueError, match=r"^engine 'katib': namespace runs has no Katib"):
        engines.engine_for("katib", early_stopping=False)


@pytest.mark.parametrize(
    ("engine", "early_stopping", "reason"),
    [
        ("spark", False, "engine 'spark': unknown; give one of auto, optuna, katib"),
        (
            "katib",
            True,
            "early_stopping: Katib's trials here run to their end; give engine optuna, or no early_stopping",
        ),
    ],
)
def test_what_could_not_run_is_refused(engine: str, early_stopping: bool, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        engines.refuse_engine(engine, early_stopping=early_stopping)
    assert str(refused.value) == reason
