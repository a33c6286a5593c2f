import base64
import json
import sys
from pathlib import Path

import pytest
from moto import mock_aws

from images import ImagesError, registry_login

# moto's account.
_ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No login and no AWS credentials but those that a test gives."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@mock_aws
@pytest.mark.parametrize("host", [_ECR, _ECR.replace(".ecr.", ".ecr-fips.")])
def test_ecr_gives_a_token_for_aws_credentials(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    found = registry_login.find(host)
    assert found is not None
    assert found.user == "AWS"
    assert found.password == "123456789012-auth-token"


@mock_aws
def test_credentials_of_another_account_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(ImagesError, match="use those of the account that --to names"):
        registry_login.find(_ECR.replace("123456789012", "999999999999"))


def test_without_aws_credentials_the_way_to_get_them_is_named() -> None:
    with pytest.raises(ImagesError, match=r"no token from AWS .*Unable to locate credentials.*AWS_PROFILE"):
        registry_login.find(_ECR)


def test_a_login_never_shows_its_password() -> None:
    assert "word" not in repr(registry_login.Login(user="me", password="word"))


def test_a_registry_that_nobody_signed_in_to_has_no_login(surroundings: Path) -> None:
    assert registry_login.find("registry.example.org") is None
    (surroundings / "config.json").write_text(json.dumps({"auths": {"registry.example.org": {}}}))
    assert registry_login.find("registry.example.org") is None


def test_a_damaged_login_is_named(surroundings: Path) -> None:
    (surroundings / "config.json").write_text("{")
    with pytest.raises(ImagesError, match=r"config\.json: cannot be read .*docker login r\.example\.org"):
        registry_login.find("r.example.org")


def test_a_stored_login_is_read_as_docker_writes_it(surroundings: Path) -> None:
    auth = base64.b64encode(b"me:a:b").decode()
    (surroundings / "config.json").write_text(json.dumps({"auths": {"r.example.org": {"auth": auth}}}))
    assert registry_login.find("r.example.org") == registry_login.Login(user="me", password="a:b")


def test_a_realm_that_is_no_address_is_refused() -> None:
    with pytest.raises(ImagesError, match="which is no address"):
        registry_login.authorization('Bearer realm="file:///etc/passwd"', None, "r.example.org")


def test_a_push_elsewhere_needs_no_aws_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert registry_login.find("r.example.org") is None
