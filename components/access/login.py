"""The login: oauth2-proxy, where people sign in with a browser and get a session for every host."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.shapes import (
    authorities,
    cluster_service,
    http_routes,
    network_policies,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.owner import Owner
from components.shapes.server_pods import Mount
from workloads.contract import LOGIN_USER, Host

PORT: Final = 4180
ADMINISTRATORS: Final = "administrators"
"""Group of the one user of a login without an issuer, whose password is one of the stack's secrets."""
_PRODUCT: Final = "oauth2-proxy"
_COOKIE: Final = "plinth"
FOLDER: Final = "/etc/oauth2-proxy"
"""Folder of its files: the secrets, and the page of the one user."""
_PAGES: Final = "pages"
_HOURS: Final = 8
# oauth2-proxy knows no login without a provider: this one is never called, and its button is not shown.
_UNUSED: Final = "unused"
PAGE_FILE: Final = "sign_in.html"
# A field that the release of oauth2-proxy does not pass to it (sign_in_page.go) ends the page with 500.
PAGE: Final = """{{define "sign_in.html"}}<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>plinth: sign in</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 20rem; padding: 0 1rem; }
  label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
  input { margin-bottom: 1rem; padding: .4rem; }
  button { padding: .5rem; }
</style>
<h1>plinth</h1>
{{ if eq .StatusCode 400 401 }}<p role="alert">User or password is wrong.</p>{{ end }}
<form method="POST" action="{{.ProxyPrefix}}/sign_in">
  <input type="hidden" name="rd" value="{{.Redirect}}">
  <label for="username">User</label>
  <input id="username" name="username" autocomplete="username" required autofocus>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required>
  <button>Sign in</button>
</form>
</html>{{end}}
"""


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """The company's OpenID Connect issuer, and the platform's name there."""

    url: str
    client_id: str
    public_client_id: str
    """Its name there for the command line, which keeps no secret; may be the same."""
    scopes: tuple[str, ...]
    """What is asked for, so that an ID token has both claims."""
    user_claim: str
    groups_claim: str
    authority: str = ""
    """Certificate of the one authority that its own must be of, as PEM; by default those of the image."""


@dataclass(frozen=True, kw_only=True)
class LoginArgs:
    """Inputs of `Login`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    gateway: GatewayConnection
    """Publishes it, and every host that a session is for; its pods verify sessions."""
    cookie_secret: pulumi.Input[str]
    """Sessions are encrypted with a key derived from it."""
    password: pulumi.Input[str]
    """Password of the one user; unused with an issuer."""
    issuer: Issuer | None = None
    """Without it there is one user."""
    client_secret: pulumi.Input[str] = ""
    """The platform's secret at the issuer; unused without one."""
    prefix: str
    """Before the names of users and groups, so that nobody is called as an account of the cluster is."""
    replicas: int = 1
    """Sessions are in cookies, so that any of several verifies them."""

    def __post_init__(self) -> None:
        """Reject a login without a pod."""
        replicated_server.check(self.replicas)


def htpasswd(password: str) -> str:
    """Return the file of users.

    The digest has no salt, so that every `up` computes the same file. The password is generated: nobody finds
    160 random bits by their digest.
    """
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()  # noqa: S324 - see above
    return f"{LOGIN_USER}:{{SHA}}{digest}\n"


def cookie_key(secret: str) -> str:
    """Return 32 characters, which oauth2-proxy takes for an AES-256 key."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def url(name: str, namespace: str) -> str:
    """Return where the gate asks about sessions of a login."""
    return f"http://{name}.{namespace}:{PORT}"


def known_to_gate(
    url: str, *, domain: str, secure: bool, issuer: Issuer | None, prefix: str
) -> dict[str, dict[str, Any]]:
    """Return what the gate knows of sessions (`login`) and, if there is an issuer, of its tokens (`issuer`).

    Args:
        url: where it asks about sessions.
        domain: parent domain of every host of the platform.
        secure: whether people use https.
        issuer: that of `LoginArgs`.
        prefix: that of `LoginArgs`.
    """
    sessions = {
        "url": url,
        "host": Host.LOGIN.below(domain),
        # With an issuer the button on our page would be one click for nothing.
        "path": "/oauth2/start" if issuer else "/oauth2/sign_in",
        "cookie": _COOKIE,
        "prefix": prefix,
        "secure": secure,
    }
    return {"login": sessions, **({"issuer": _issued_tokens(issuer, prefix)} if issuer else {})}


def _issued_tokens(issuer: Issuer, prefix: str) -> dict[str, Any]:
    return {
        "url": issuer.url,
        "clientIds": [*dict.fromkeys((issuer.client_id, issuer.public_client_id))],
        "userClaim": issuer.user_claim,
        "groupsClaim": issuer.groups_claim,
        "prefix": prefix,
        **({"authority": issuer.authority} if issuer.authority else {}),
    }


def arguments(args: LoginArgs) -> list[str]:
    """Return oauth2-proxy's command."""
    domain = args.gateway.domain
    return [
        "oauth2-proxy",
        f"--http-address=0.0.0.0:{PORT}",
        "--upstream=static://404",
        "--reverse-proxy=true",
        "--email-domain=*",
        f"--cookie-name={_COOKIE}",
        f"--cookie-secret-file={FOLDER}/secret/cookie",
        f"--client-secret-file={FOLDER}/secret/client",
        f"--cookie-domain=.{domain}",
        f"--cookie-secure={'true' if args.gateway.secure else 'false'}",
        f"--cookie-expire={_HOURS}h",
        "--cookie-samesite=lax",
        f"--whitelist-domain=.{domain}:*",
        # Requests and their paths are in the gateway's log.
        "--request-logging=false",
        *(_with_issuer(args, args.issuer) if args.issuer else _one_user()),
    ]


def _with_issuer(args: LoginArgs, issuer: Issuer) -> list[str]:
    return [
        "--provider=oidc",
        f"--oidc-issuer-url={issuer.url}",
        f"--client-id={issuer.client_id}",
        f"--scope={' '.join(issuer.scopes)}",
        f"--oidc-email-claim={issuer.user_claim}",
        f"--oidc-groups-claim={issuer.groups_claim}",
        f"--redirect-url={args.gateway.url(Host.LOGIN)}/oauth2/callback",
        "--code-challenge-method=S256",
        *([f"--provider-ca-file={authorities.PATH}"] if issuer.authority else []),
        # Without --skip-provider-button: the session at the issuer would sign people in again who sign out.
    ]


def _one_user() -> list[str]:
    return [
        "--provider=github",
        f"--client-id={_UNUSED}",
        f"--htpasswd-file={FOLDER}/secret/htpasswd",
        f"--htpasswd-user-group={ADMINISTRATORS}",
        f"--custom-templates-dir={FOLDER}/{_PAGES}",
    ]


class Login(pulumi.ComponentResource):
    """oauth2-proxy without a server behind it: it signs people in and verifies their sessions."""

    def __init__(self, name: str, args: LoginArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Login", name, {}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product=_PRODUCT, role="login")
        authority = args.issuer.authority if args.issuer else ""
        self._trusted = authorities.deploy(self._owner, authority, role="authority", name=f"{name}-authority")
        server = replicated_server.deploy(
            self._owner,
            self._pod(),
            role="server",
            name=name,
            replicas=args.replicas,
            after=[
                self._secret(),
                self._config_map(),
                self._network_policy(),
                *self._trusted.config_maps,
            ],
            annotations=server_pods.reads_at_start(PAGE),
        )
        service = cluster_service.deploy(self._owner, name, {"http": PORT}, after=[server])
        http_routes.deploy(
            self._owner, args.gateway, Host.LOGIN, name=name, service=service.metadata["name"], port=PORT
        )
        self.register_outputs({})

    def _secret(self) -> kubernetes.core.v1.Secret:
        args = self._args
        return kubernetes.core.v1.Secret(
            f"{self._name}-secret",
            metadata=self._owner.metadata(self._name),
            string_data={
                "cookie": pulumi.Output.secret(args.cookie_secret).apply(cookie_key),
                "client": pulumi.Output.secret(args.client_secret if args.issuer else _UNUSED),
                "htpasswd": pulumi.Output.secret(args.password).apply(htpasswd),
            },
            opts=self._owner.child(),
        )

    def _config_map(self) -> kubernetes.core.v1.ConfigMap:
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-pages",
            metadata=self._owner.metadata(self._name),
            data={PAGE_FILE: PAGE},
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        clients = [network_policies.in_namespace(args.gateway.namespace)]
        issuer = [network_policies.egress([network_policies.anywhere()], 443)] if args.issuer else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(clients, PORT)],
                outgoing=issuer,
            ),
            opts=self._owner.child(),
        )

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            _PRODUCT,
            self._args.image,
            arguments(self._args),
            ports={"http": PORT},
            mounts=[
                Mount(volume="secret", path=f"{FOLDER}/secret"),
                Mount(volume=_PAGES, path=f"{FOLDER}/{_PAGES}"),
                *self._trusted.mounts,
            ],
            probe=pod_security.http_probe("/ping", PORT),
            resources=pod_security.sizes(cpu="20m", memory="48Mi", memory_limit="256Mi"),
        )
        return server_pods.pod(
            container,
            volumes=[
                {
                    "name": "secret",
                    "secret": {
                        "secret_name": self._name,
                        "items": [{"key": key, "path": key} for key in ("client", "cookie", "htpasswd")],
                    },
                },
                {"name": _PAGES, "config_map": {"name": self._name}},
                *self._trusted.volumes,
            ],
            scratch=None,
        )
