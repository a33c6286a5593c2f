"""A folder holds one model, or one in each folder below it."""

from pathlib import Path

from predictor.process import model_folders


def model(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text("flavors: {}")


def test_one_model_has_the_name_that_is_given(tmp_path: Path) -> None:
    model(tmp_path)
    model(tmp_path / "code")
    assert model_folders.find("wine", tmp_path) == {"wine": tmp_path}


def test_several_models_have_the_names_of_their_folders(tmp_path: Path) -> None:
    for name in ("wine", "iris"):
        model(tmp_path / name)
    (tmp_path / "lost+found").mkdir()
    assert list(model_folders.find("small", tmp_path).items()) == [
        ("iris", tmp_path / "iris"),
        ("wine", tmp_path / "wine"),
    ]


def test_an_empty_folder_is_that_of_the_model_which_cannot_be_loaded(tmp_path: Path) -> None:
    assert model_folders.find("wine", tmp_path) == {"wine": tmp_path}
