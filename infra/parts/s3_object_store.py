"""The object store on AWS: S3 buckets, and identities of the pods that use them."""

from typing import TYPE_CHECKING

from components.connections import ObjectStoreConnections
from infra.parts import pipelines, serving, tracking
from infra.parts.part import Connections, Part, Provides
from infra.parts.records import ManagedBucket
from infra.settings.stack import Settings
from infra.settings.storage import ACCESS_LOGS, ObjectsLocation

if TYPE_CHECKING:
    from infra.parts.site import Site


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.aws.s3_object_store import S3ObjectStore, S3ObjectStoreArgs, ServiceAccount
    from components.pipelines import pipeline_steps, pipelines_api_server
    from components.serving import kserve_serving
    from components.tracking import mlflow_tracking

    cloud, settings = site.cloud, site.settings
    # Plain names, not outputs of namespaces: a preview without access to the cluster would not know the
    # outputs and would replace every association, which a protected stack refuses.
    store = S3ObjectStore(
        "object-store",
        S3ObjectStoreArgs(
            name_prefix=settings.bucket_prefix,
            region=cloud.eks.region,
            buckets=site.plan.buckets,
            accounts={
                "pipelines": (
                    ServiceAccount(namespace=pipelines.RUNS_NAMESPACE, name=pipeline_steps.ACCOUNT),
                    ServiceAccount(namespace=pipelines.NAMESPACE, name=pipelines_api_server.SERVICE),
                ),
                "tracking": (ServiceAccount(namespace=tracking.NAMESPACE, name=mlflow_tracking.ACCOUNT),),
                "serving": tuple(
                    ServiceAccount(namespace=serving.MODELS_NAMESPACE, name=name)
                    for name in kserve_serving.ACCOUNTS
                ),
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


def _wanted(settings: Settings) -> bool:
    return settings.storage.objects is ObjectsLocation.S3


def _state(_: Settings) -> tuple[ManagedBucket, ...]:
    buckets = (*pipelines.PIPELINES.buckets, *tracking.TRACKING.buckets)
    return (*(ManagedBucket(name=each.name) for each in buckets), ManagedBucket(name=ACCESS_LOGS))


S3_OBJECT_STORE = Part(
    name="s3-object-store",
    deploy=_deploy,
    wanted=_wanted,
    provides=(ObjectStoreConnections,),
    state=_state,
)
