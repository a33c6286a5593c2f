"""An OpenID Connect issuer as a command line uses it: without a secret and without a browser of its own.

Somebody signs in by a code that they type at the issuer, in a browser that may be on another machine: the
device authorization grant (RFC 8628). The issuer must know the platform's client as a public one.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import requests
from oauthlib.oauth2 import DeviceClient, OAuth2Error

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.wait import wait

_SECONDS: Final = 20
# However long an issuer's code is valid: a command that nobody watches must end.
_LONGEST_SECONDS: Final = 1800
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_OFFLINE: Final = "offline_access"
# Five seconds more between questions: RFC 8628, section 3.5.
_SLOWER: Final = "slow_down"
_SLOWER_SECONDS: Final = 5.0
_AWAY: Final = "away"
# States of a login that may yet end well; an issuer that is away may come back.
_WAITING: Final = {
    "authorization_pending": "nobody has typed the code yet; run it again",
    _SLOWER: "nobody has typed the code yet; run it again",
    _AWAY: "the issuer does not answer",
}
_ENDED: Final = {
    "access_denied": "the login was denied in the browser; run it again, and allow it",
    "expired_token": "the code expired before anybody typed it; run it again",
}


class IssuerAwayError(WorkloadsError):
    """An issuer that does not answer, or not as one."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What an issuer gives to whoever has signed in."""

    id_token: str = field(repr=False)
    """A JWT, which shows to the platform who somebody is."""
    refresh_token: str = field(repr=False)
    """Gets the next ones; empty if the issuer gives none."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """What somebody types at the issuer to sign in."""

    url: str
    """Page to open, with the code in it if the issuer has such a one."""
    text: str
    seconds: float
    """How long it is valid."""
    device_code: str = field(repr=False)
    interval_seconds: float


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """One issuer, and the platform's public client there."""

    url: str
    client_id: str
    scopes: str
    authority: str = ""
    """File of the one authority that its certificate must be of; by default those of this machine."""

    @classmethod
    def of(cls, endpoints: Endpoints) -> "Issuer":
        """Return the issuer of a platform that has one."""
        return cls(
            url=endpoints.identity_issuer,
            client_id=endpoints.identity_client,
            scopes=endpoints.identity_scopes,
            authority=endpoints.identity_authority,
        )

    def request_code(self, *, offline: bool = True) -> Code:
        """Ask for a code that somebody types.

        Args:
            offline: for a login that outlasts the session in the browser, if the issuer has a scope for it.

        Raises:
            WorkloadsError: the issuer does not answer, has no such login, or does not know the client.
        """
        where = self._metadata.get("device_authorization_endpoint")
        if not where:
            raise WorkloadsError(
                f"issuer {self.url}: has no login for command lines (device authorization grant); have it "
                "allowed there, or use `python -m workloads token` with the platform's kubeconfig"
            )
        supported = _OFFLINE in (self._metadata.get("scopes_supported") or ())
        scopes = f"{self.scopes} {_OFFLINE}" if offline and supported else self.scopes
        answer = self._post(str(where), urlencode({"client_id": self.client_id, "scope": scopes}))
        document = _document(answer)
        if "device_code" not in document:
            raise self._refused(document.get("error") or f"HTTP {answer.status_code}", document)
        return Code(
            url=str(document.get("verification_uri_complete") or document["verification_uri"]),
            text=str(document["user_code"]),
            seconds=min(float(document["expires_in"]), _LONGEST_SECONDS),
            device_code=str(document["device_code"]),
            interval_seconds=float(document.get("interval") or 5),
        )

    def wait_for_tokens(self, code: Code) -> Tokens:
        """Wait until somebody has typed a code; return their tokens.

        Raises:
            WorkloadsError: nobody typed it in time, or the login was denied.
        """
        client = DeviceClient(self.client_id)
        body = str(client.prepare_request_body(code.device_code, include_client_id=True))
        pause, details = code.interval_seconds, dict[str, str]()

        def read() -> Tokens | str:
            try:
                return self._tokens(client, body)
            except OAuth2Error as error:
                answer = str(error.error)
                details[answer] = error.description or "no reason is given"
                return answer
            except IssuerAwayError:
                return _AWAY

        def failure(found: Tokens | str) -> str | None:
            if isinstance(found, Tokens) or found in _WAITING:
                return None
            return _ENDED.get(found) or (
                f"the issuer answers {found} ({details[found]}); if this is about the scope {_OFFLINE}, "
                "sign in with --session"
            )

        def interval(found: Tokens | str) -> float:
            nonlocal pause
            pause += _SLOWER_SECONDS if found == _SLOWER else 0
            return pause

        found = wait(
            f"login at {self.url}",
            read,
            ready=lambda each: isinstance(each, Tokens),
            error=failure,
            describe=lambda each: _WAITING.get(str(each), ""),
            timeout_seconds=code.seconds,
            interval_seconds=interval,
        )
        return cast("Tokens", found)

    def refresh(self, refresh_token: str) -> Tokens:
        """Return the next tokens.

        Raises:
            IssuerAwayError: the issuer does not answer.
            WorkloadsError: the login has ended at the issuer.
        """
        client = DeviceClient(self.client_id)
        body = client.prepare_refresh_body(refresh_token=refresh_token, client_id=self.client_id)
        try:
            found = self._tokens(client, str(body))
        except OAuth2Error as error:
            raise WorkloadsError(
                f"the login at {self.url} has ended ({error.error}): run `python -m workloads login` again"
            ) from None
        # An issuer that does not replace it leaves the old one valid.
        return Tokens(id_token=found.id_token, refresh_token=found.refresh_token or refresh_token)

    def revoke(self, refresh_token: str) -> bool:
        """End a login at the issuer; return whether the issuer confirmed it."""
        try:
            where = self._metadata.get("revocation_endpoint")
            form = {"token": refresh_token, "token_type_hint": "refresh_token", "client_id": self.client_id}
            return bool(where) and self._post(str(where), urlencode(form)).ok
        except WorkloadsError:
            return False

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        where = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        try:
            answer = requests.get(where, timeout=_SECONDS, verify=self._trusted)
        except requests.RequestException as error:
            raise self._away(type(error).__name__) from None
        document = _document(answer)
        if answer.status_code >= 500:
            raise self._away(f"HTTP {answer.status_code}")
        if document.get("issuer") != self.url:
            called = document.get("issuer") or f"HTTP {answer.status_code}, and no name"
            raise WorkloadsError(
                f"issuer {self.url}: {where} answers {called}; plinth:identity.issuer must be the name there"
            )
        return document

    @property
    def _trusted(self) -> str | bool:
        if self.authority and not Path(self.authority).is_file():
            raise WorkloadsError(
                f"authority of the issuer: {self.authority} does not exist; run `python -m infra outputs`"
            )
        return self.authority or True

    def _away(self, reason: str) -> IssuerAwayError:
        remedy = "; if its authority is your own, set plinth:identity.authority to its certificate"
        return IssuerAwayError(
            f"issuer {self.url}: does not answer ({reason}){remedy if reason == 'SSLError' else ''}"
        )

    def _post(self, where: str, body: str) -> requests.Response:
        if urlsplit(where).scheme != "https":
            raise WorkloadsError(f"issuer {self.url}: names {where}; tokens are sent by https alone")
        try:
            # A redirect would carry tokens elsewhere.
            answer = requests.post(
                where,
                data=body,
                headers=_FORM,
                timeout=_SECONDS,
                allow_redirects=False,
                verify=self._trusted,
            )
        except requests.RequestException as error:
            raise self._away(type(error).__name__) from None
        if answer.status_code >= 500:
            raise self._away(f"HTTP {answer.status_code}")
        return answer

    def _tokens(self, client: DeviceClient, body: str) -> Tokens:
        answer = self._post(str(self._metadata.get("token_endpoint")), body)
        found = cast("dict[str, Any]", client.parse_request_body_response(answer.text))
        if not found.get("id_token"):
            raise WorkloadsError(
                f"issuer {self.url}: gives no ID token; allow the scope openid for client {self.client_id}"
            )
        return Tokens(id_token=str(found["id_token"]), refresh_token=str(found.get("refresh_token") or ""))

    def _refused(self, reason: object, document: dict[str, Any]) -> WorkloadsError:
        detail = f": {document['error_description']}" if "error_description" in document else ""
        return WorkloadsError(
            f"issuer {self.url}: refuses client {self.client_id} ({reason}{detail}); "
            "it must be a public client with the device authorization grant: plinth:identity.publicClientId"
        )


def _document(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
