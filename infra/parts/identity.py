"""Identity: a login in front of every host of the gateway, and the roles of who may do what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.access.roles import OPEN, Role
from components.connections import GatewayConnection, ServingConnection, TeamNamespaces
from infra.parts import serving
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.parts.secrets import Password
from infra.parts.tenant import tenants
from infra.settings.identity import IdentityKind, IdentitySettings
from infra.settings.stack import Settings
from infra.settings.teams import TeamSettings
from workloads.contract import Host

if TYPE_CHECKING:
    import pulumi

    from components.access.login import Issuer
    from components.access.user_roles import Subject
    from infra.parts.site import Site

NAMESPACE = "identity"
_LOGIN = "login"
_PASSWORD = Password(key="identityPassword")
_COOKIE = Password(key="identityCookieSecret")
_CLIENT = Password(key="identityClientSecret")


def wanted(settings: Settings) -> bool:
    """Return whether a stack has a login."""
    return settings.identity.enabled


def _prefix(identity: IdentitySettings) -> str:
    return f"{identity.kind}:"


def gate_routes(routes: Iterable[Route], domain: str) -> list[dict[str, Any]]:
    """Return what the gate knows of each host of a domain."""
    return [
        route.access.route(host=f"{route.host}.{domain}", namespace=route.rights_namespace)
        for route in routes
    ]


def gate_content(settings: Settings, routes: Iterable[Route], *, secure: bool) -> dict[str, Any] | None:
    """Return what the gate of a stack reads; None if the stack has no login.

    Args:
        settings: those of the stack.
        routes: every host of the stack, and what it asks for.
        secure: whether people use https.
    """
    if not wanted(settings):
        return None
    from components.access import gate, login

    domain, chosen = settings.gateway.domain, settings.identity
    known = login.known_to_gate(
        login.url(_LOGIN, NAMESPACE),
        domain=domain,
        secure=secure,
        issuer=_issuer(chosen),
        prefix=_prefix(chosen),
    )
    return gate.content(domain=domain, routes=gate_routes(routes, domain), login=known)


def _deploy(site: "Site", connections: Connections) -> Provides:
    import pulumi

    from components.access.login import Login, LoginArgs
    from components.access.user_roles import OPERATOR, UserRoles, UserRolesArgs

    identity = site.settings.identity
    issuer = _issuer(identity)
    gateway = connections.get(GatewayConnection)
    login = Login(
        _LOGIN,
        LoginArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("oauth2-proxy"),
            gateway=gateway,
            cookie_secret=site.secret(_COOKIE),
            password=site.secret(_PASSWORD),
            issuer=issuer,
            client_secret=site.secret(_CLIENT),
            prefix=_prefix(identity),
            replicas=site.replicas,
        ),
        site.opts,
    )
    namespaces = _namespaces(site, connections)
    former = pulumi.Alias(name="gate", type_="plinth:index:Gate")
    user_roles = UserRoles(
        "roles",
        UserRolesArgs(
            namespace=site.namespaces[NAMESPACE],
            routes=gate_routes(site.plan.routes, gateway.domain),
            namespaces=namespaces,
            bindings={name: _bindings(site.settings, name) for name in namespaces},
        ),
        # Until the gate became a part of the gateway, its roles were children of it.
        pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(aliases=[former])),
    )
    outputs: dict[str, pulumi.Input[object]] = {"identity_account": f"{NAMESPACE}/{OPERATOR}"}
    if issuer:
        outputs |= {
            "identity_issuer": issuer.url,
            "identity_client": issuer.public_client_id,
            "identity_scopes": " ".join(issuer.scopes),
            **({"identity_authority": issuer.authority} if issuer.authority else {}),
        }
    else:
        outputs["identity_password"] = site.secret(_PASSWORD)
    return Provides(outputs=outputs, resources=(login, user_roles))


def _namespaces(site: "Site", connections: Connections) -> "dict[str, pulumi.Input[str]]":
    """Return the namespaces in which roles are bound; those that a component creates come from it."""
    names = sorted({each.rights_namespace for each in site.plan.routes if not each.access.open})
    teams = connections.find(TeamNamespaces)
    created = {
        serving.MODELS_NAMESPACE: connections.get(ServingConnection).models_namespace,
        **(teams.by_team if teams else {}),
    }
    return {name: created[name] if name in created else site.namespaces[name] for name in names}


def _issuer(identity: IdentitySettings) -> "Issuer | None":
    from components.access.login import Issuer

    if identity.kind is IdentityKind.LOCAL:
        return None
    client_id = identity.client_id or ""
    return Issuer(
        url=identity.issuer or "",
        client_id=client_id,
        public_client_id=identity.public_client_id or client_id,
        scopes=identity.scopes,
        user_claim=identity.user_claim,
        groups_claim=identity.groups_claim,
        authority=identity.authority or "",
    )


def _bindings(settings: Settings, namespace: str) -> "dict[Role, tuple[Subject, ...]]":
    """Return who gets which role in a namespace: groups of the stack, or those of the team that has it."""
    from components.access.user_roles import OPERATOR, Subject
    from components.pipelines.pipeline_steps import ACCOUNT

    accounts = {
        Role.MEMBER: [Subject(name=OPERATOR, namespace=NAMESPACE)],
        Role.PROMOTER: [Subject(name=OPERATOR, namespace=NAMESPACE)],
        # Steps call the models that they have deployed.
        Role.CALLER: [
            Subject(name=ACCOUNT, namespace=each.runs_namespace)
            for each in tenants(settings)
            if each.models_namespace == namespace
        ],
    }
    identity = settings.identity
    return {
        role: (*(Subject(name=f"{_prefix(identity)}{each}") for each in groups), *accounts.get(role, ()))
        for role, groups in _groups(settings, namespace).items()
    }


def _groups(settings: Settings, namespace: str) -> Mapping[Role, Iterable[str]]:
    from components.access.login import ADMINISTRATORS

    identity = settings.identity
    if identity.kind is IdentityKind.LOCAL:
        return {Role.MEMBER: (ADMINISTRATORS,), Role.PROMOTER: (ADMINISTRATORS,), Role.CALLER: ()}
    teams = [each for each in settings.teams if each.name == namespace]
    named: Sequence[IdentitySettings | TeamSettings] = teams or [identity]
    return {
        Role.MEMBER: dict.fromkeys(group for each in named for group in each.members),
        Role.VIEWER: dict.fromkeys(group for each in named for group in each.viewers),
        Role.CALLER: dict.fromkeys(group for each in named for group in each.callers),
        Role.PROMOTER: dict.fromkeys(group for each in named for group in each.promoters or each.members),
    }


def _routes(_: Settings) -> tuple[Route, ...]:
    return (
        Route(
            host=Host.LOGIN,
            title="Login",
            description="Where people sign in.",
            namespace=NAMESPACE,
            access=OPEN,
        ),
    )


IDENTITY = Part(
    name="identity",
    deploy=_deploy,
    wanted=wanted,
    needs=(
        Need(connection=GatewayConnection),
        Need(connection=ServingConnection, namespaces=()),
        Need(connection=TeamNamespaces, namespaces=(), optional=True),
    ),
    namespaces=(NAMESPACE,),
    images=("oauth2-proxy",),
    secrets=(_PASSWORD, _COOKIE, _CLIENT),
    routes=_routes,
)
