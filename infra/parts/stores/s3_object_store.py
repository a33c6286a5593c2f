"""The object store on AWS: S3 buckets, and identities of the pods that use them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from components.connections import Bucket, ObjectStoreConnections
from infra.parts import delivery, tracking
from infra.parts.part import Connections, Part, Provides
from infra.parts.records import ManagedBucket
from infra.parts.tenant import tenants
from infra.settings.stack import Settings
from infra.settings.storage import ACCESS_LOGS, ObjectsLocation
from workloads.contract import PAYLOADS_BUCKET

if TYPE_CHECKING:
    from infra.parts.site import Site


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.aws.s3_object_store import S3ObjectStore, S3ObjectStoreArgs, ServiceAccount
    from components.delivery import delivery_controller
    from components.pipelines import pipeline_steps, pipelines_api_server
    from components.serving import model_namespace
    from components.tracking import mlflow_tracking

    cloud, settings = site.cloud, site.settings
    own = tenants(settings)
    # Plain names, not outputs of namespaces: a preview without access to the cluster would not know the
    # outputs and would replace every association, which a protected stack refuses.
    store = S3ObjectStore(
        "object-store",
        S3ObjectStoreArgs(
            name_prefix=settings.bucket_prefix,
            region=cloud.eks.region,
            buckets=tuple(_kept(each, settings) for each in site.plan.buckets),
            accounts={
                **{
                    each.store_account: (
                        ServiceAccount(namespace=each.runs_namespace, name=pipeline_steps.ACCOUNT),
                        ServiceAccount(namespace=each.servers_namespace, name=pipelines_api_server.SERVICE),
                    )
                    for each in own
                },
                delivery.STORE_ACCOUNT: (
                    ServiceAccount(namespace=delivery.NAMESPACE, name=delivery_controller.ACCOUNT),
                ),
                "tracking": (ServiceAccount(namespace=tracking.NAMESPACE, name=mlflow_tracking.ACCOUNT),),
                **{
                    each.models_account: tuple(
                        ServiceAccount(namespace=each.models_namespace, name=name)
                        for name in model_namespace.ACCOUNTS
                    )
                    for each in own
                },
            },
            cluster_name=cloud.cluster.cluster_name,
            kms_key_arn=cloud.key("objects", "Objects in buckets").arn,
            deletable=not settings.protect,
            keep_replaced_days=settings.storage.s3.noncurrent_days,
            tags=cloud.tags,
        ),
        cloud.keep,
    )
    return Provides(connections=(ObjectStoreConnections.to(site.plan.buckets, store.connection),))


def _kept(bucket: Bucket, settings: Settings) -> Bucket:
    """Return a bucket with the time for which the settings keep its objects."""
    return (
        replace(bucket, keep_days=settings.payloads.keep_days) if bucket.name == PAYLOADS_BUCKET else bucket
    )


def _wanted(settings: Settings) -> bool:
    return settings.storage.objects is ObjectsLocation.S3


def _state(settings: Settings) -> tuple[ManagedBucket, ...]:
    shared = (each.name for each in (*tracking.TRACKING.buckets, *delivery.DELIVERY.buckets))
    names = (*(each.bucket for each in tenants(settings)), *shared, ACCESS_LOGS)
    return tuple(ManagedBucket(name=each) for each in names)


S3_OBJECT_STORE = Part(
    name="s3-object-store",
    deploy=_deploy,
    wanted=_wanted,
    provides=(ObjectStoreConnections,),
    state=_state,
)
