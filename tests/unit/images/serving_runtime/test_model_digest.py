from pathlib import Path

from predictor.model_digest import model_digest

from workloads.serving import artifacts


def _model(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "model.skops").write_bytes(bytes(range(256)) * 9000)
    (folder / "data" / "ä b").write_bytes(b"")
    return folder


def test_the_predictor_and_the_steps_that_train_agree(tmp_path: Path) -> None:
    folder = _model(tmp_path / "model")
    assert model_digest(folder) == artifacts.model_digest(folder)
    assert len(model_digest(folder)) == 64


def test_it_depends_on_names_and_content_and_not_on_the_place(tmp_path: Path) -> None:
    first, second = _model(tmp_path / "a"), _model(tmp_path / "elsewhere" / "b")
    assert model_digest(first) == model_digest(second)
    (second / "data" / "ä b").write_bytes(b"x")
    changed = model_digest(second)
    assert changed != model_digest(first)
    (second / "data" / "ä b").rename(second / "data" / "c")
    assert model_digest(second) not in (changed, model_digest(first))
