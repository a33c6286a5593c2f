from pathlib import Path

import pytest

from images import ImagesError, registry, store

_REFERENCE = registry.Target(repository="plinth/app", tag="1")


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("registry.k8s.io/coredns/coredns:v1", "coredns/coredns", "v1"),
        ("localhost:5000/a/b:2", "a/b", "2"),
        ("localhost/a:2", "a", "2"),
        ("plinth/workload:abc", "plinth/workload", "abc"),
        ("traefik:v3", "library/traefik", "v3"),
    ],
)
def test_a_reference_loses_the_host_that_a_mirror_stands_for(
    reference: str, repository: str, tag: str
) -> None:
    assert registry.parse(reference) == registry.Target(repository=repository, tag=tag)


@pytest.mark.parametrize("reference", ["plinth/app", "localhost:5000/app", ":1"])
def test_a_reference_without_tag_is_refused(reference: str) -> None:
    with pytest.raises(ImagesError, match="has no tag"):
        registry.parse(reference)


def test_publishing_twice_changes_nothing_the_second_time(stored: store.Record) -> None:
    assert registry.publish(stored, _REFERENCE)
    assert registry.is_published(stored, _REFERENCE)
    assert not registry.publish(stored, _REFERENCE)


def test_a_published_image_has_the_layout_of_the_registrys_driver(stored: store.Record) -> None:
    registry.publish(stored, _REFERENCE)
    root = registry.folder() / "docker" / "registry" / "v2"
    manifests = root / "repositories" / "plinth" / "app" / "_manifests"
    digest = stored.manifest.digest.removeprefix("sha256:")
    assert (manifests / "tags" / "1" / "current" / "link").read_text() == stored.manifest.digest
    assert (manifests / "tags" / "1" / "index" / "sha256" / digest / "link").is_file()
    assert (manifests / "revisions" / "sha256" / digest / "link").read_text() == stored.manifest.digest
    for blob in stored.blobs:
        name = blob.digest.removeprefix("sha256:")
        link = root / "repositories" / "plinth" / "app" / "_layers" / "sha256" / name / "link"
        assert link.read_text() == blob.digest
        data = root / "blobs" / "sha256" / name[:2] / name / "data"
        assert data.samefile(store.blob_path(blob.digest))


def test_tidy_removes_what_is_no_longer_stored(stored: store.Record, cache: Path) -> None:
    registry.publish(stored, _REFERENCE)
    assert registry.tidy() == 0
    assert registry.is_published(stored, _REFERENCE)
    for path in (cache / "images" / "records").iterdir():
        path.unlink()
    assert registry.tidy() == stored.size + stored.manifest.size
    assert not registry.is_published(stored, _REFERENCE)
