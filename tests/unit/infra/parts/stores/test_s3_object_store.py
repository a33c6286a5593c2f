"""S3 in place of the store in the cluster: identities for the accounts of pods, names and no outputs."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import stack_file
from tests.fixtures import platform


def test_accounts_of_pods_are_named_before_their_namespaces_exist() -> None:
    deployment = platform.stack("prod", preview=True)
    found = {
        (each.inputs["namespace"], each.inputs["serviceAccount"])
        for each in deployment.of_type("PodIdentityAssociation")
        if each.name.startswith("object-store-")
    }
    assert found == {
        ("runs", "pipeline-runner"),
        ("kubeflow", "ml-pipeline"),
        ("mlflow", "mlflow"),
        ("delivery", "delivery"),
        ("models", "model-storage"),
        ("models", "default"),
        *(
            (namespace.format(team), name)
            for team in ("research", "applied", "serving")
            for namespace, name in (
                ("{}", "pipeline-runner"),
                ("pipelines-{}", "ml-pipeline"),
                ("{}", "model-storage"),
                ("{}", "default"),
            )
        ),
    }


def test_recorded_requests_are_deleted_after_the_days_that_the_stack_keeps_them() -> None:
    def days(bucket: str) -> list[int]:
        lifecycle = platform.stack("prod").one(
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            f"object-store-{bucket}-lifecycle",
        )
        return [each["expiration"]["days"] for each in lifecycle.inputs["rules"] if "expiration" in each]

    assert days("payloads") == [stack_file.settings("prod").payloads.keep_days]
    assert days("mlflow") == []


def test_what_preflight_counts_is_what_the_program_creates() -> None:
    settings = stack_file.settings("prod")
    counted = {f"{settings.bucket_prefix}-{each.name}" for each in plan(settings, PARTS).managed_buckets}
    made = {each.inputs["bucket"] for each in platform.stack("prod").of_type("aws:s3/bucket:Bucket")}
    assert counted == made
