"""Logins of people at a company's issuer, each in a file of the user's configuration that nobody else reads.

Stacks with the same issuer and client share a login. Its token is renewed before it ends, by one command at a
time: issuers end a login whose refresh token they see twice.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.issuers import Issuer, IssuerAwayError, Tokens
from workloads.wait import wait_for

# A request that starts with a token may take a while.
_LEFT_SECONDS: Final = 300
_LOCK_SECONDS: Final = 60


@dataclass(frozen=True, kw_only=True)
class _Login:
    """What is kept of a login."""

    issuer: str
    client_id: str
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    renew_at: float
    """Seconds since the epoch by this machine's clock, whatever the issuer's says."""
    ends_at: float


def sign_in(endpoints: Endpoints, say: Callable[[str], None], *, offline: bool = True) -> str:
    """Let somebody sign in at the platform's issuer and keep the login; return their name there.

    Args:
        endpoints: those of a platform with an issuer.
        say: shows a line: where to go, and what to type there.
        offline: whether the login outlasts the session in the browser.

    Raises:
        WorkloadsError: the issuer does not answer or refuses, or nobody signed in.
    """
    issuer = Issuer.of(endpoints)
    code = issuer.request_code(offline=offline)
    say(f"open       {code.url}")
    say(f"and enter  {code.text}   (valid for {code.seconds / 60:.0f} minutes)")
    found = issuer.wait_for_tokens(code)
    _write(_file(issuer), _login(issuer, found))
    said = claims(found.id_token)
    return str(said.get("email") or said.get("preferred_username") or said.get("sub"))


def sign_out(endpoints: Endpoints) -> bool:
    """Forget a login and end it at the issuer; return whether the issuer confirmed it.

    Raises:
        WorkloadsError: nobody has signed in here.
    """
    issuer = Issuer.of(endpoints)
    file = _file(issuer)
    login = _read(file)
    if login is None:
        raise WorkloadsError(f"nobody has signed in at {issuer.url} on this machine")
    file.unlink(missing_ok=True)
    return bool(login.refresh_token) and issuer.revoke(login.refresh_token)


def token(endpoints: Endpoints) -> str:
    """Return the ID token of whoever has signed in here, renewed if it ends soon; empty if nobody has.

    Raises:
        WorkloadsError: the login has ended.
    """
    issuer = Issuer.of(endpoints)
    file = _file(issuer)
    login = _read(file)
    if login and time.time() >= login.renew_at:
        with _alone(file):
            login = _read(file)
            if login and time.time() >= login.renew_at:
                login = _renewed(issuer, login)
                _write(file, login)
    return login.id_token if login else ""


def _renewed(issuer: Issuer, login: _Login) -> _Login:
    valid = time.time() < login.ends_at
    if not login.refresh_token:
        if valid:
            return login
        raise WorkloadsError(f"the login at {issuer.url} has ended: run `python -m workloads login` again")
    try:
        return _login(issuer, issuer.refresh(login.refresh_token))
    except IssuerAwayError:
        # The platform knows the issuer's keys: it goes on to take the token while it lasts.
        if valid:
            return login
        raise


def _login(issuer: Issuer, found: Tokens) -> _Login:
    said, now = claims(found.id_token), time.time()
    seconds = float(said.get("exp") or 0) - float(said.get("iat") or now)
    return _Login(
        issuer=issuer.url,
        client_id=issuer.client_id,
        id_token=found.id_token,
        refresh_token=found.refresh_token,
        renew_at=now + seconds - min(_LEFT_SECONDS, seconds / 2),
        ends_at=now + seconds,
    )


def claims(id_token: str) -> dict[str, Any]:
    """Return what a token says; whether it is true is for the platform to verify."""
    try:
        payload = id_token.split(".")[1]
        return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
    except (ValueError, IndexError, TypeError):
        raise WorkloadsError(
            "the issuer's ID token is no JWT: the platform could not read it either"
        ) from None


def _file(issuer: Issuer) -> Path:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "plinth" / "logins"
    digest = hashlib.sha256(f"{issuer.url}\n{issuer.client_id}".encode()).hexdigest()[:12]
    return folder / f"{urlsplit(issuer.url).hostname}-{digest}.json"


def _read(file: Path) -> _Login | None:
    try:
        return _Login(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WorkloadsError(
            f"login {file}: cannot be read ({type(error).__name__}); run `python -m workloads login` again"
        ) from None


def _write(file: Path, login: _Login) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only its owner may read such a file, from its first byte on.
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w") as target:
            json.dump(asdict(login), target)
        Path(name).replace(file)
    except OSError as error:
        raise WorkloadsError(
            f"login {file}: cannot be written ({error.strerror}); name another folder in XDG_CONFIG_HOME"
        ) from None


@contextlib.contextmanager
def _alone(file: Path) -> Generator[None]:
    """Hold the lock of a login, which the kernel frees when its command ends."""
    with file.with_suffix(".lock").open("a") as handle:

        def take() -> str | None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return "another command renews it"
            return None

        wait_for(f"login {file}", take, timeout_seconds=_LOCK_SECONDS, interval_seconds=0.1)
        yield
