"""Signs in to registries: ECR with AWS credentials, others with what `docker login` stored."""

import base64
import http.client
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from images import ImagesError

_ECR = re.compile(r"^\d{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Login:
    """A user and a password; `repr` hides the password."""

    user: str
    password: str

    @property
    def header(self) -> str:
        """Return the value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"


def find(host: str) -> Login | None:
    """Return the login for a registry, or None if there is none.

    Raises:
        ImagesError: AWS gives no token for an ECR registry.
    """
    ecr = _ECR.match(host)
    if ecr:
        return _ecr_login(host, ecr.group("region"))
    return _stored_login(host)


def _ecr_login(host: str, region: str) -> Login:
    # The import takes half a second; only a push to ECR needs it.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("ecr", region_name=region)
        found: dict[str, Any] = dict(client.get_authorization_token()["authorizationData"][0])
    except (BotoCoreError, ClientError) as error:
        raise ImagesError(
            f"{host}: no token from AWS ({error}): sign in with `aws sso login` or set AWS_PROFILE; "
            "the identity needs ecr:GetAuthorizationToken"
        ) from None
    # Every name of an account's registry starts with the account, a FIPS endpoint's too.
    mine = urlsplit(found.get("proxyEndpoint", "")).hostname or ""
    if mine.partition(".")[0] != host.partition(".")[0]:
        raise ImagesError(
            f"{host}: the AWS credentials at hand are for {found.get('proxyEndpoint')}; "
            "use those of the account that --to names"
        )
    user, _, password = base64.b64decode(found["authorizationToken"]).decode().partition(":")
    return Login(user=user, password=password)


def _stored_login(host: str) -> Login | None:
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    file = folder / "config.json"
    if not file.is_file():
        return None
    try:
        entry: dict[str, str] = json.loads(file.read_text()).get("auths", {}).get(host, {})
        if "auth" not in entry:
            return None
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (ValueError, AttributeError) as error:
        raise ImagesError(f"{file}: cannot be read ({error}): run `docker login {host}` again") from None
    return Login(user=user, password=password)


def authorization(challenge: str, login: Login | None, host: str) -> str:
    """Return the Authorization header that answers a registry's challenge.

    Raises:
        ImagesError: a login is required and missing, or the registry's token service refuses it.
    """
    scheme, _, rest = challenge.partition(" ")
    parameters = dict(_CHALLENGE.findall(rest))
    if scheme.lower() == "bearer" and "realm" in parameters:
        return f"Bearer {_token(parameters, login, host)}"
    if login is None:
        raise ImagesError(f"registry {host} requires a login and none is stored: run `docker login {host}`")
    return login.header


def _token(parameters: dict[str, str], login: Login | None, host: str) -> str:
    """Fetch a token from the service that the registry names; without a login, an anonymous one."""
    realm = urlsplit(parameters["realm"])
    if realm.scheme not in ("http", "https") or not realm.netloc:
        raise ImagesError(f"registry {host} names {parameters['realm']!r} for tokens, which is no address")
    query = urlencode({key: value for key, value in parameters.items() if key in ("service", "scope")})
    connect = http.client.HTTPSConnection if realm.scheme == "https" else http.client.HTTPConnection
    connection = connect(realm.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        headers = {"Authorization": login.header} if login else {}
        connection.request("GET", f"{realm.path or '/'}?{query}", headers=headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise ImagesError(
                f"registry {host}: its token service answered {response.status}: "
                f"run `docker login {host}` again"
            )
        table: dict[str, str] = json.loads(text)
        return table.get("token") or table["access_token"]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise ImagesError(f"registry {host}: no token from {realm.netloc} ({error!r})") from error
    finally:
        connection.close()
