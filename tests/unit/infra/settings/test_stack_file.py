"""Stack files: settings from the repository, secrets from the engine."""

from pathlib import Path

import pytest

from infra.errors import InfraError
from infra.settings import stack_file


def test_the_local_stack_is_valid() -> None:
    assert stack_file.settings("local").cluster.name == "local"


def test_an_unknown_stack_names_those_that_exist() -> None:
    with pytest.raises(
        InfraError, match=r"--stack nowhere: no stacks/Pulumi\.nowhere\.yaml; there are: .*local"
    ):
        stack_file.settings("nowhere")


@pytest.mark.parametrize("text", ["config: [1]", "- 1", "a: b: c"])
def test_a_file_of_the_wrong_form_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(text)
    with pytest.raises(InfraError, match=str(file)):
        stack_file.read(file)


def test_changed_settings_replace_the_old_ones_and_keep_secrets_and_salt() -> None:
    generated = {
        "encryptionsalt": "v1:salt",
        "config": {"plinth:key": {"secure": "v1:x"}, "plinth:gateway": {"domain": "old.example"}},
    }
    merged = stack_file.merge({"config": {"plinth:cluster": {"kind": "kubeconfig"}}}, generated)
    assert merged == {
        "encryptionsalt": "v1:salt",
        "config": {"plinth:key": {"secure": "v1:x"}, "plinth:cluster": {"kind": "kubeconfig"}},
    }


def test_secrets_are_left_out_by_key_or_all_with_the_key_material() -> None:
    config = {"plinth:first": {"secure": "v1:x"}, "plinth:second": {"secure": "v1:y"}, "plinth:third": "z"}
    content = {"encryptionsalt": "v1:salt", "secretsprovider": "passphrase", "config": config}
    without_one = stack_file.without_secrets(content, ["first", "third"])
    assert without_one["config"] == {key: config[key] for key in ("plinth:second", "plinth:third")}
    assert without_one["encryptionsalt"] == "v1:salt"
    assert stack_file.without_secrets(content) == {"config": {"plinth:third": "z"}}


def test_a_file_with_any_key_material_has_a_key() -> None:
    assert stack_file.has_key({"encryptedkey": "x", "config": {}})
    assert not stack_file.has_key({"config": {}})


def test_an_equal_file_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    stack_file.write(file, {"config": {}})
    before = file.stat()
    stack_file.write(file, {"config": {}})
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
