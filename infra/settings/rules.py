"""Rules across settings; a violation ends the command before Pulumi runs."""

import contextlib
import ipaddress
from collections.abc import Iterator

from components.aws.databases import rds_authorities
from components.versions import CLUSTER_AUTOSCALER, EKS_ADDON_NAMES, missing_addons
from infra.settings import pool_rules, team_rules
from infra.settings.certificates import authority_problem
from infra.settings.cluster import Access, CapacityType, EksSettings, Nat
from infra.settings.identity import IdentityKind, IdentitySettings
from infra.settings.sections import gib
from infra.settings.stack import Settings
from infra.settings.storage import BUCKETS, DatabaseLocation, ObjectsLocation
from workloads.contract import PIPELINES_BUCKET, of_team

_BUCKET_NAME_LENGTH = 63
_PRODUCTION_BACKUP_DAYS = 14
_PRODUCTION_ADDRESSES = 2**24
_RDS_MINIMUM_GIB = 20


def problems(settings: Settings) -> list[str]:
    """Return one clause for each setting that cannot work with the others."""
    found: list[str] = []
    if isinstance(settings.cluster, EksSettings):
        found += _cluster_problems(settings.cluster)
        found += pool_rules.system_pool_problems(settings.cluster.system_pool)
        found += pool_rules.gpu_pool_problems(settings.gpu_pools, settings.cluster)
    else:
        found += _cloud_only_problems(settings)
    found += pool_rules.queue_problems(settings.gpu_pools, settings.teams)
    found += team_rules.problems(settings)
    if settings.images.mirror and not settings.registry:
        found.append("images.mirror needs images.registry: name the registry that has the copies")
    found += _storage_problems(settings)
    found += _gateway_problems(settings)
    found += _identity_problems(settings.identity)
    if settings.environment == "production":
        found += _production_problems(settings)
    return found


def _cluster_problems(cluster: EksSettings) -> Iterator[str]:
    zones = cluster.availability_zones
    for zone in zones:
        if zone[:-1] != cluster.region or not zone[-1].isalpha():
            yield (
                f"cluster.availabilityZones names {zone}, which is not in region {cluster.region}: "
                f"use zones such as {cluster.region}a"
            )
    if len(set(zones)) != len(zones):
        yield f"cluster.availabilityZones names a zone twice ({', '.join(zones)}): name each once"
    yield from _access_problems(cluster)
    yield from _version_problems(cluster)
    yield from _network_problems(cluster)


def _access_problems(cluster: EksSettings) -> Iterator[str]:
    if not cluster.administrators:
        yield "cluster.administrators is empty: name the IAM role that runs `pulumi up`, or it has no access"
    names = [arn.rpartition("/")[2] for arn in cluster.administrators]
    if len(set(names)) != len(names):
        yield "cluster.administrators names a role twice: name each once"


def _version_problems(cluster: EksSettings) -> Iterator[str]:
    version = cluster.kubernetes_version
    if unknown := sorted(cluster.addons.keys() - EKS_ADDON_NAMES):
        yield f"cluster.addons names {', '.join(unknown)}; a cluster has {', '.join(sorted(EKS_ADDON_NAMES))}"
    missing = missing_addons(version, cluster.addons)
    if cluster.autoscaler_release is None and version not in CLUSTER_AUTOSCALER:
        missing.append("cluster-autoscaler")
    if missing:
        yield (
            f"cluster.kubernetesVersion is {version}, for which no {', '.join(missing)} is pinned: "
            "name add-ons in cluster.addons, as listed by "
            f"`aws eks describe-addon-versions --kubernetes-version {version}`, and the autoscaler in "
            "cluster.autoscalerRelease"
        )
    if cluster.ami_release and not cluster.ami_release.startswith(f"{version}."):
        yield f"cluster.amiRelease is {cluster.ami_release}: use one of Kubernetes {version}, or leave it out"


def _network_problems(cluster: EksSettings) -> Iterator[str]:
    try:
        network = ipaddress.IPv4Network(cluster.network.cidr)
    except ValueError as error:
        yield f"cluster.network.cidr is {cluster.network.cidr}: {error}"
    else:
        if not 16 <= network.prefixlen <= 18 or not network.is_private:
            yield f"cluster.network.cidr is {network}: use a private /16, /17 or /18, such as 10.0.0.0/16"
        yield from _peer_problems(network, cluster.network.peers)
    endpoint = cluster.endpoint
    if endpoint.access is Access.PUBLIC and not endpoint.public_cidrs:
        yield "cluster.endpoint.access is public but publicCidrs is empty: name the networks of its clients"
    if endpoint.access is Access.PRIVATE and endpoint.public_cidrs:
        yield "cluster.endpoint.publicCidrs needs access: public; leave it out for a private endpoint"
    yield from _address_problems("cluster.endpoint.publicCidrs", endpoint.public_cidrs)


def _peer_problems(network: ipaddress.IPv4Network, peers: tuple[str, ...]) -> Iterator[str]:
    for peer in peers:
        try:
            overlaps = network.overlaps(ipaddress.IPv4Network(peer))
        except ValueError as error:
            yield f"cluster.network.peers names {peer}: {error}"
            continue
        if overlaps:
            yield (
                f"cluster.network.cidr is {network}, which overlaps the peer {peer}: no route can tell their "
                "addresses apart, choose a network that no peer uses"
            )


def _address_problems(path: str, cidrs: tuple[str, ...]) -> Iterator[str]:
    for cidr in cidrs:
        try:
            network = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            yield f"{path} names {cidr}: {error}"
            continue
        if network.prefixlen == 0:
            yield f"{path} is open to everyone ({cidr}): name the networks of users and CI"


def _addresses(cidrs: tuple[str, ...]) -> int:
    """Return how many addresses networks have together; networks that are none count as empty."""
    networks: list[ipaddress.IPv4Network] = []
    for cidr in cidrs:
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.IPv4Network(cidr))
    return sum(network.num_addresses for network in ipaddress.collapse_addresses(networks))


def _cloud_only_problems(settings: Settings) -> Iterator[str]:
    storage = settings.storage
    for key, given in (
        ("gpuPools", bool(settings.gpu_pools)),
        ("storage.postgres: rds", storage.postgres is DatabaseLocation.RDS),
        ("storage.pipelinesDatabase: rds", storage.pipelines_database is DatabaseLocation.RDS),
        ("storage.objects: s3", storage.objects is ObjectsLocation.S3),
        ("gateway.public", settings.gateway.public),
        ("gateway.certificateArn", settings.gateway.certificate_arn is not None),
        ("budget", settings.budget is not None),
    ):
        if given:
            yield f"{key} needs a cluster of kind eks; this one is of kind {settings.cluster.kind}"


def _storage_problems(settings: Settings) -> Iterator[str]:
    storage = settings.storage
    for key, location, size in (
        ("postgresSize", storage.postgres, storage.postgres_size),
        ("pipelinesDatabaseSize", storage.pipelines_database, storage.pipelines_database_size),
    ):
        if location is DatabaseLocation.RDS and gib(size) < _RDS_MINIMUM_GIB:
            yield f"storage.{key} is {size}; RDS needs at least {_RDS_MINIMUM_GIB}Gi"
        if location is DatabaseLocation.RDS and isinstance(settings.cluster, EksSettings):
            yield from _authority_problems(key.removesuffix("Size"), settings.cluster.region)
    if settings.tuning.enabled and storage.postgres is not DatabaseLocation.INCLUSTER:
        yield (
            f"tuning.enabled is true and storage.postgres is {storage.postgres}: only Postgres in the "
            "cluster makes a database for Katib; set storage.postgres to incluster, or leave tuning out"
        )
    if storage.objects is ObjectsLocation.S3:
        own = (of_team(PIPELINES_BUCKET, team.name) for team in settings.teams if team.pipelines)
        longest = max((*BUCKETS, *own), key=len)
        name = f"{settings.bucket_prefix}-{longest}"
        if len(name) > _BUCKET_NAME_LENGTH:
            most = _BUCKET_NAME_LENGTH - len(longest) - 1
            yield (
                f"storage.s3.bucketPrefix gives the bucket {name}, {len(name)} characters long; S3 "
                f"allows {_BUCKET_NAME_LENGTH}: use a prefix of at most {most} characters"
            )


def _authority_problems(key: str, region: str) -> Iterator[str]:
    known = rds_authorities.authorities()
    if region not in known:
        yield (
            f"storage.{key} is rds, whose certificate authority in {region} is not known here: add the one "
            f"named RSA2048 G1 in {rds_authorities.SOURCE} to components/aws/rds-authorities.pem"
        )


def _gateway_problems(settings: Settings) -> Iterator[str]:
    gateway = settings.gateway
    if gateway.public and not gateway.source_cidrs:
        yield "gateway.public is true but sourceCidrs is empty: name the networks of its clients"
    if gateway.source_cidrs and not gateway.public:
        yield "gateway.sourceCidrs needs public: true; an internal load balancer is private to the VPC"
    yield from _address_problems("gateway.sourceCidrs", gateway.source_cidrs)
    if gateway.node_port is not None and isinstance(settings.cluster, EksSettings):
        yield "gateway.nodePort is for a cluster of kind kubeconfig: leave it out on EKS"
    if gateway.tls is not None and isinstance(settings.cluster, EksSettings):
        yield (
            f"gateway.tls is {gateway.tls} on EKS, where TLS ends at the load balancer: leave it out, and "
            "name an ACM certificate for *.<domain> in gateway.certificateArn"
        )


def _identity_problems(identity: IdentitySettings) -> Iterator[str]:
    given = {"issuer": identity.issuer, "clientId": identity.client_id}
    if identity.kind is IdentityKind.OIDC:
        for key, value in given.items():
            if not value:
                yield f"identity.{key} is missing: name what the company's issuer has, or use kind: local"
        if "openid" not in identity.scopes:
            yield "identity.scopes lacks openid, for which an issuer gives ID tokens: add it"
        if not (identity.members or identity.viewers or identity.callers):
            yield "identity names no groups: nobody could use the platform, name some in identity.members"
        if identity.authority is not None and (problem := authority_problem(identity.authority)):
            yield f"identity.authority {problem}"
    else:
        if identity.authority is not None:
            yield f"identity.authority is given, but identity.kind is {identity.kind}: use kind: oidc"
        for key, value in {**given, "publicClientId": identity.public_client_id}.items():
            if value:
                yield f"identity.{key} is {value}, but identity.kind is {identity.kind}: use kind: oidc"
        for key, groups in (
            ("members", identity.members),
            ("viewers", identity.viewers),
            ("callers", identity.callers),
        ):
            if groups:
                yield f"identity.{key} names groups, but identity.kind is {identity.kind}: use kind: oidc"


def _production_problems(settings: Settings) -> Iterator[str]:
    """Yield the settings with which a production stack could lose data or stop with one zone."""
    storage, cluster = settings.storage, settings.cluster
    if not settings.protect:
        yield "protect is false in production: set it to true, or a changed name could delete a store"
    if not settings.rollouts.approval:
        yield "rollouts.approval is false in production: set it to true, so that two people see a new version"
    if not isinstance(cluster, EksSettings):
        return
    yield from _production_edge_problems(settings)
    for key, location in (
        ("postgres", storage.postgres),
        ("pipelinesDatabase", storage.pipelines_database),
        ("objects", storage.objects),
    ):
        if location == "incluster":
            managed = "s3" if key == "objects" else "rds"
            yield f"storage.{key} is incluster in production: use {managed}, which outlives the cluster"
    if not storage.rds.multi_az:
        yield "storage.rds.multiAz is false in production: set it to true"
    if storage.rds.backup_days < _PRODUCTION_BACKUP_DAYS:
        yield (
            f"storage.rds.backupDays is {storage.rds.backup_days} in production: "
            f"keep at least {_PRODUCTION_BACKUP_DAYS}"
        )
    if cluster.network.nat is Nat.SINGLE:
        yield "cluster.network.nat is single in production: use perZone, or losing a zone cuts off all nodes"
    if len(cluster.availability_zones) < 3:
        yield f"cluster.availabilityZones has {len(cluster.availability_zones)} in production: name 3 or more"
    if cluster.system_pool.capacity_type is CapacityType.SPOT:
        yield "cluster.systemPool.capacityType is SPOT in production: use ON_DEMAND"


def _production_edge_problems(settings: Settings) -> Iterator[str]:
    """Yield the settings with which a production stack would be open to whoever reaches it."""
    if settings.gateway.certificate_arn is None:
        yield "gateway.certificateArn is missing in production: name an ACM certificate for *.<domain>"
    if settings.identity.kind is not IdentityKind.OIDC:
        yield f"identity.kind is {settings.identity.kind} in production: use oidc, the company's issuer"
    wide = _addresses(settings.gateway.source_cidrs)
    if wide > _PRODUCTION_ADDRESSES:
        yield (
            f"gateway.sourceCidrs opens {wide:,} addresses in production: "
            f"name networks of at most {_PRODUCTION_ADDRESSES:,}, as much as one /8"
        )
