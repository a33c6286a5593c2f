"""Pushes images to a running registry over the distribution API."""

import http.client
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from images import ImagesError, registry_login, store
from images.registry import Target
from upstream import image_recipe

_TIMEOUT_SECONDS = 120
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_REFUSALS = {
    401: "the login is refused",
    403: "the identity may not push to it",
    404: "it has no such repository; ECR creates none by itself: create it first",
}


def is_local(host: str) -> bool:
    """Return whether a registry is on this machine, which needs no TLS."""
    return host.rsplit(":", 1)[0] in _LOOPBACK or host in _LOOPBACK


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: dict[str, str]
    text: str


class RemoteRegistry:
    """A registry at a host and port; plain HTTP only on this machine or on request."""

    def __init__(self, host: str, *, plain_http: bool = False) -> None:
        self._host = host
        self._scheme = "http" if plain_http or is_local(host) else "https"
        self._login: registry_login.Login | None = None
        self._authorization = ""

    def publish(self, record: store.Record, target: Target) -> bool:
        """Push an image, its manifest last; return whether anything changed.

        A tag that names the content is never moved: another machine builds the same content into other bytes,
        as with another release of Go, and an immutable repository refuses a second manifest.

        Raises:
            ImagesError: the registry cannot be reached or refuses.
        """
        base = f"/v2/{target.repository}"
        kind = record.manifest.media_type
        current = self._request("HEAD", f"{base}/manifests/{target.tag}", accept=kind)
        if current.status == 200:
            same = current.headers.get("docker-content-digest") == record.manifest.digest
            if same or image_recipe.is_tag_of(target.tag, record.key):
                return False
        for blob in record.blobs:
            self._push_blob(base, blob)
        content = store.blob_path(record.manifest.digest).read_bytes()
        answer = self._request("PUT", f"{base}/manifests/{target.tag}", content, kind)
        self._check(answer, 201, f"manifest of {target.repository}:{target.tag}")
        return True

    def _push_blob(self, base: str, blob: store.Blob) -> None:
        # A registry with external blob storage redirects to a blob that exists.
        if self._request("HEAD", f"{base}/blobs/{blob.digest}").status in (200, 307):
            return
        answer = self._request("POST", f"{base}/blobs/uploads/")
        self._check(answer, 202, f"upload to {base.removeprefix('/v2/')}")
        place = answer.headers["location"]
        separator = "&" if urlsplit(place).query else "?"
        path = store.blob_path(blob.digest)
        answer = self._request(
            "PUT", f"{place}{separator}digest={blob.digest}", path, "application/octet-stream"
        )
        self._check(answer, 201, f"blob {blob.digest}")

    def _request(
        self, method: str, place: str, body: bytes | Path | None = None, kind: str = "", accept: str = ""
    ) -> _Answer:
        """Send a request and answer one challenge: each repository may require its own token."""
        url = self._absolute(place)
        answer = self._send(method, url, body, kind, accept)
        if answer.status == 401 and url.netloc == self._host:
            self._login = self._login or registry_login.find(self._host)
            challenge = answer.headers.get("www-authenticate", "Basic")
            self._authorization = registry_login.authorization(challenge, self._login, self._host)
            answer = self._send(method, url, body, kind, accept)
        return answer

    def _absolute(self, place: str) -> SplitResult:
        url = urlsplit(place)
        return url if url.netloc else urlsplit(f"{self._scheme}://{self._host}{place}")

    def _send(
        self, method: str, url: SplitResult, body: bytes | Path | None, kind: str, accept: str
    ) -> _Answer:
        headers = {"Content-Type": kind} if kind else {}
        if accept:
            headers["Accept"] = accept
        if self._authorization and url.netloc == self._host:
            headers["Authorization"] = self._authorization
        connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = connect(url.netloc, timeout=_TIMEOUT_SECONDS)
        path = f"{url.path}?{url.query}" if url.query else url.path
        try:
            if isinstance(body, Path):
                headers["Content-Length"] = str(body.stat().st_size)
                with body.open("rb") as stream:
                    connection.request(method, path, stream, headers)
                    response = connection.getresponse()
            else:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
            text = response.read().decode(errors="replace")
            answered = {name.lower(): value for name, value in response.getheaders()}
            return _Answer(status=response.status, headers=answered, text=text)
        except (OSError, http.client.HTTPException) as error:
            how = "plain HTTP" if url.scheme == "http" else "HTTPS (--plain-http for the other)"
            raise ImagesError(
                f"registry {self._host}: {error}; is it running, and does it speak {how}?"
            ) from error
        finally:
            connection.close()

    def _check(self, answer: _Answer, expected: int, what: str) -> None:
        if answer.status == expected:
            return
        why = _REFUSALS.get(answer.status) or " ".join(answer.text.split())[:200] or "its log says why"
        raise ImagesError(f"registry {self._host} answered {answer.status} to the {what}: {why}")
