"""The gateway: Traefik behind the Gateway API, the one way in."""

from typing import TYPE_CHECKING

from components.connections import GatewayConnection
from infra.parts.pace import timing
from infra.parts.part import Connections, Part, Provides
from infra.parts.secrets import GatewayCertificate
from infra.settings.stack import Settings
from workloads.contract import GATEWAY_LABEL

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "gateway"
# Names of this machine, for clients that do not resolve the domain.
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def certificates(settings: Settings) -> tuple[GatewayCertificate, ...]:
    """Return the certificate that the gateway serves, if its TLS does not end elsewhere."""
    if settings.gateway.tls is None:
        return ()
    domain = settings.gateway.domain
    # Every host is one label below the domain, also of models and of teams.
    return (GatewayCertificate(names=(f"*.{domain}", domain, *_LOCAL_NAMES)),)


def _deploy(site: "Site", _: Connections) -> Provides:
    import pulumi

    from components.access.gateway import Gateway, GatewayArgs, LoadBalancer, is_secure
    from infra.parts import delivery, identity
    from infra.parts.site import peers

    settings, cloud = site.settings.gateway, site.target.cloud
    certificate = next((site.certificate(each) for each in certificates(site.settings)), None)
    balancer = cloud.load_balancer() if cloud else LoadBalancer()
    secure = is_secure(certificate, balancer)
    gateway = Gateway(
        "traefik",
        GatewayArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("traefik"),
            domain=settings.domain,
            backends=peers(tuple(sorted({route.namespace for route in site.plan.routes}))),
            # The evidence of rollouts is what the gateway counts.
            scrapers=(*site.scrapers, *peers((delivery.NAMESPACE,))),
            gate=identity.gate_content(site.settings, site.plan.routes, secure=secure),
            node_port=settings.node_port,
            load_balancer=balancer,
            certificate=certificate,
            in_flight=settings.in_flight,
            replicas=site.replicas,
        ),
        site.opts,
    )
    outputs: dict[str, pulumi.Input[object]] = {"gateway_domain": settings.domain}
    if certificate is not None:
        # Everybody may know whom to trust.
        outputs["gateway_authority"] = pulumi.Output.unsecret(pulumi.Output.from_input(certificate.authority))
    if cloud is not None:
        # The target of the DNS record of `*.<domain>`.
        outputs["gateway_address"] = gateway.address
        outputs["gateway_url"] = (
            f"https://{GATEWAY_LABEL}.{settings.domain}"
            if settings.certificate_arn
            else pulumi.Output.concat("http://", gateway.address)
        )
    return Provides(connections=(gateway.connection,), outputs=outputs, resources=(gateway,))


def _watch(settings: Settings) -> "Watch":
    from components.access import monitoring

    return monitoring.watch(NAMESPACE, timing(settings))


GATEWAY = Part(
    name="gateway",
    deploy=_deploy,
    provides=(GatewayConnection,),
    namespaces=(NAMESPACE,),
    images=("traefik",),
    own_secrets=certificates,
    watch=_watch,
)
