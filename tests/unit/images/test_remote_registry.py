import base64
import json
from pathlib import Path

import pytest

from images import ImagesError, registry, remote_registry, store
from tests.unit.images.fake_registry import serving
from upstream import image_recipe

_REFERENCE = registry.Target(repository="plinth/app", tag="1")
_LOGIN = "Basic " + base64.b64encode(b"me:word").decode()


@pytest.fixture
def docker_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which `docker login` stores logins."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def store_login(file: Path, host: str) -> None:
    file.write_text(json.dumps({"auths": {host: {"auth": _LOGIN.removeprefix("Basic ")}}}))


def test_a_push_sends_every_blob_once_and_the_manifest_last(stored: store.Record) -> None:
    with serving() as held:
        target = remote_registry.RemoteRegistry(held.host)
        assert target.publish(stored, _REFERENCE)
        assert held.requests[-1] == "PUT /v2/plinth/app/manifests/1"
        assert not target.publish(stored, _REFERENCE)
        assert held.requests[-1] == "HEAD /v2/plinth/app/manifests/1"
    assert set(held.blobs) == {blob.digest for blob in stored.blobs}
    assert list(held.manifests) == ["/v2/plinth/app/manifests/1"]


def test_a_changed_image_sends_only_what_the_registry_lacks(stored: store.Record) -> None:
    with serving() as held:
        held.blobs |= {blob.digest: b"" for blob in stored.blobs[1:]}
        assert remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)
    assert sum(request.startswith("PUT /upload") for request in held.requests) == 1


def test_a_tag_of_the_same_content_is_left_alone_though_another_machine_built_other_bytes(
    stored: store.Record,
) -> None:
    by_content = registry.Target(repository="plinth/app", tag=f"1.2.0-{image_recipe.tag('app')}")
    with serving(immutable=True) as held:
        target = remote_registry.RemoteRegistry(held.host)
        for reference in (by_content, _REFERENCE):
            held.manifests[f"/v2/plinth/app/manifests/{reference.tag}"] = b"of another machine"
        assert not target.publish(stored, by_content)
        assert not held.blobs
        # A tag that says nothing of the content must hold what was asked for.
        with pytest.raises(ImagesError, match=r"answered 400 .*ImageTagAlreadyExists"):
            target.publish(stored, _REFERENCE)


def test_a_stored_login_answers_a_basic_challenge(stored: store.Record, docker_login: Path) -> None:
    with serving(basic=_LOGIN) as held:
        store_login(docker_login, held.host)
        assert remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)
    assert held.manifests
    # Asked once, then sent along.
    assert sum(not request.endswith(_LOGIN) for request in held.requests) == 1


def test_a_token_is_fetched_for_each_scope_that_a_registry_asks(
    stored: store.Record, docker_login: Path
) -> None:
    with serving(basic=_LOGIN, tokens={"pull": "reader", "pull,push": "writer"}) as held:
        store_login(docker_login, held.host)
        assert remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)
    assert held.requests[1].endswith("Bearer reader")
    assert held.requests[-1] == "PUT /v2/plinth/app/manifests/1 Bearer writer"


@pytest.mark.usefixtures("docker_login")
def test_a_registry_that_wants_a_login_is_named_with_the_command(stored: store.Record) -> None:
    with serving(basic=_LOGIN) as held, pytest.raises(ImagesError, match=rf"run `docker login {held.host}`"):
        remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)


def test_a_login_that_the_token_service_refuses_is_named(stored: store.Record, docker_login: Path) -> None:
    with serving(basic="Basic other", tokens={"pull": "a", "pull,push": "b"}) as held:
        store_login(docker_login, held.host)
        with pytest.raises(ImagesError, match="its token service answered 401"):
            remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)


@pytest.mark.parametrize(
    ("status", "why"), [(500, "its log says why"), (403, "may not push to it"), (404, "create it first")]
)
def test_a_refusing_registry_is_named(stored: store.Record, status: int, why: str) -> None:
    with serving(refuses=status) as held:
        with pytest.raises(ImagesError, match=rf"{held.host} answered {status} .*{why}"):
            remote_registry.RemoteRegistry(held.host).publish(stored, _REFERENCE)
        assert not held.manifests


def test_a_registry_that_is_not_there_is_named(stored: store.Record) -> None:
    with pytest.raises(ImagesError, match=r"registry 127.0.0.1:1: .*is it running"):
        remote_registry.RemoteRegistry("127.0.0.1:1").publish(stored, _REFERENCE)


def test_a_registry_elsewhere_is_asked_over_tls(stored: store.Record) -> None:
    with serving() as held:
        # Not a loopback name to the client, though it leads there.
        elsewhere = held.host.replace("127.0.0.1", "127.0.0.2")
        with pytest.raises(ImagesError, match="does it speak HTTPS"):
            remote_registry.RemoteRegistry(elsewhere).publish(stored, _REFERENCE)
    assert not held.requests
