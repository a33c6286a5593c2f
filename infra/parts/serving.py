"""Serving: KServe with a runtime for MLflow models, and the namespace of the inference services."""

from typing import TYPE_CHECKING

from components.access import roles
from components.access.roles import MANY, Access
from components.connections import GatewayConnection, ObjectStoreConnections, ServingConnection
from infra.parts import delivery
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.parts.secrets import WebhookCertificate
from infra.parts.tenant import Tenant, tenants
from infra.settings.stack import Runtime, Settings
from workloads.contract import TRACKING_BUCKET

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from components.serving.objectives import Objectives
    from components.serving.recording import Recording
    from components.serving.runtime_families import RuntimeFamily
    from components.shapes.network_policies import Peer
    from infra.parts.site import Site

NAMESPACE = "kserve"
MODELS_NAMESPACE = Tenant().models_namespace


_RUNTIME = "serving-runtime"


def _family_image(family: Runtime) -> str:
    return f"{_RUNTIME}-{family}"


def _families(site: "Site") -> "tuple[RuntimeFamily, ...]":
    """Return the default family, and the others; those that the stack does not have are without an image."""
    from components import versions
    from components.serving.runtime_families import DEFAULT, RuntimeFamily

    base = versions.image_packages(_RUNTIME)
    families = [RuntimeFamily(name=DEFAULT, image=site.image(_RUNTIME), packages=base)]
    for family in Runtime:
        chosen = family in site.settings.serving.runtimes
        families.append(
            RuntimeFamily(
                name=family,
                image=site.image(_family_image(family)) if chosen else "",
                packages={**base, **versions.image_packages(_family_image(family))},
            )
        )
    return tuple(families)


def _unused_images(settings: Settings) -> tuple[str, ...]:
    return tuple(_family_image(each) for each in Runtime if each not in settings.serving.runtimes)


def _webhook_host() -> str:
    from components.serving import kserve_controller

    return kserve_controller.webhook_host(NAMESPACE)


_WEBHOOKS = WebhookCertificate(name="kserve-webhooks", prefix="webhook", host=_webhook_host)


def callers(site: "Site") -> "tuple[Peer, ...]":
    """Return the pods that call models other than through the gateway."""
    from infra.parts.site import peers

    gateway = site.plan.servers(GatewayConnection)
    return peers(tuple(each for each in site.plan.clients(SERVING.name) if each not in gateway))


def record_readers(site: "Site") -> "tuple[Peer, ...]":
    """Return the pods that read what predictors record of requests."""
    from infra.parts.site import peers

    return peers((delivery.NAMESPACE,)) if recorded(site.settings) else ()


def recorded(settings: Settings) -> "Recording | None":
    """Return what predictors record of requests; None for nothing."""
    from components.serving.recording import Recording

    drift, payloads = settings.drift, settings.payloads
    if not drift.enabled and not payloads.enabled:
        return None
    return Recording(
        counts_bins=drift.enabled,
        sample_rate=payloads.sample_rate if payloads.enabled else 0.0,
        excluded_features=settings.excluded_features,
    )


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.serving.kserve_serving import KserveServing, KserveServingArgs

    serving = KserveServing(
        "kserve",
        KserveServingArgs(
            namespace=site.namespaces[NAMESPACE],
            controller_image=site.image("kserve-controller"),
            families=_families(site),
            storage_initializer_image=site.image("storage-initializer"),
            gateway=connections.get(GatewayConnection),
            artifacts=connections.get(ObjectStoreConnections).of(TRACKING_BUCKET, Tenant().models_account),
            stores=site.stores(ObjectStoreConnections),
            webhook_certificate=site.certificate(_WEBHOOKS),
            models_namespace=MODELS_NAMESPACE,
            clients=callers(site),
            scrapers=site.scrapers,
            recording=recorded(site.settings),
            record_readers=record_readers(site),
            replicas=site.replicas,
        ),
        site.opts,
    )
    connection = ServingConnection(
        models_namespace=serving.models_namespace,
        service_account=serving.service_account,
        serving_runtime=serving.serving_runtime,
        serving_runtimes=serving.serving_runtimes,
    )
    return Provides(connections=(connection,), outputs={"models_namespace": serving.models_namespace})


def objectives(settings: Settings) -> "Objectives":
    """Return what serving promises in a stack."""
    from components.serving.objectives import Objectives

    chosen = settings.monitoring.objectives
    return Objectives(
        availability=chosen.availability,
        latency_seconds=chosen.latency_seconds,
        latency_share=chosen.latency_share,
    )


def _own_namespaces(_: Settings) -> tuple[str, ...]:
    return (MODELS_NAMESPACE,)


def route(tenant: Tenant) -> Route:
    """Return the route to a tenant's models."""
    return Route(
        host=f"MODEL-{tenant.models_namespace}",
        title=tenant.titled("Models"),
        description="Predictions of each inference service, by the v1 and v2 protocols.",
        namespace=tenant.models_namespace,
        access=Access(
            group=roles.MODELS, resource="inferenceservices", subresource="predictions", shares=MANY
        ),
    )


def _routes(_: Settings) -> tuple[Route, ...]:
    return (route(Tenant()),)


def _watch(settings: Settings) -> "Watch":
    from components.serving import monitoring

    models = {each.team: each.models_namespace for each in tenants(settings)}
    return monitoring.watch(NAMESPACE, models, objectives(settings), timing(settings))


SERVING = Part(
    name="serving",
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection, namespaces=()),
        Need(connection=ObjectStoreConnections, namespaces=(MODELS_NAMESPACE,)),
    ),
    provides=(ServingConnection,),
    namespaces=(NAMESPACE,),
    own_namespaces=_own_namespaces,
    images=("kserve-controller", _RUNTIME, *map(_family_image, Runtime), "storage-initializer"),
    unused_images=_unused_images,
    secrets=(_WEBHOOKS,),
    routes=_routes,
    watch=_watch,
)
