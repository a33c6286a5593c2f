import dataclasses
from functools import cache
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest

from components.aws.s3_object_store import (
    S3ObjectStore,
    S3ObjectStoreArgs,
    ServiceAccount,
    bucket_name,
    bucket_policy,
    logs_policy,
    statements,
)
from components.connections import Bucket, Folder, ObjectStoreConnection
from tests.fixtures.recorder import Deployment, Registration, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

KEY = "arn:aws:kms:eu-central-1:123456789012:key/data"
ARGS = S3ObjectStoreArgs(
    name_prefix="plinth-prod",
    region="eu-central-1",
    buckets=(
        Bucket(name="pipelines", owner="pipelines"),
        Bucket(name="mlflow", owner="tracking", readers=("serving",)),
    ),
    accounts={
        "pipelines": (
            ServiceAccount(namespace="kubeflow", name="ml-pipeline"),
            ServiceAccount(namespace="runs", name="pipeline-runner"),
        ),
        "tracking": (ServiceAccount(namespace="mlflow", name="mlflow"),),
        "serving": (ServiceAccount(namespace="models", name="model-storage"),),
    },
    cluster_name="plinth-prod",
    kms_key_arn=KEY,
    tags={"stack": "prod"},
)
DATA = ("pipelines", "mlflow")
ALL = (*DATA, "access-logs")


@cache
def deployed(*, preview: bool = False, **changes: object) -> Deployment[S3ObjectStore]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: S3ObjectStore("objects", args), preview=preview)


def role(deployment: Deployment[S3ObjectStore], account: str) -> dict[str, list[str]]:
    return policies.allowed(deployment.one("RolePolicy", f"objects-{account}-rights").inputs["policy"])


def of_bucket(deployment: Deployment[S3ObjectStore], kind: str, bucket: str) -> Registration:
    (found,) = [each for each in deployment.of_type(kind) if each.inputs["bucket"] == f"plinth-prod-{bucket}"]
    return found


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: S3ObjectStore(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "S3ObjectStore")
    policies.assert_tagged(deployment, {"stack": "prod"})
    policies.assert_least_privilege(deployment)


@pytest.mark.parametrize("bucket", ALL)
def test_nobody_can_open_a_bucket_to_the_public(bucket: str) -> None:
    deployment = deployed()
    access = of_bucket(deployment, "BucketPublicAccessBlock", bucket).inputs
    blocks = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [access[each] for each in blocks] == [True] * 4
    ownership = of_bucket(deployment, "BucketOwnershipControls", bucket).inputs
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


@pytest.mark.parametrize("bucket", ALL)
def test_requests_in_clear_are_refused_whoever_asks(bucket: str) -> None:
    found = policies.statements(of_bucket(deployed(), "BucketPolicy", bucket).inputs["policy"])
    refused = [each for each in found if each["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each["Condition"] for each in refused]
    for each in refused:
        assert each["Principal"] == "*"
        assert each["Resource"] == [
            f"arn:aws:s3:::plinth-prod-{bucket}",
            f"arn:aws:s3:::plinth-prod-{bucket}/*",
        ]


def test_only_s3_itself_may_write_access_logs() -> None:
    document = logs_policy("logs", ["data"])
    (allowed,) = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert allowed["Condition"] == {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::data"]}}
    assert not [each for each in bucket_policy("data")["Statement"] if each["Effect"] == "Allow"]


@pytest.mark.parametrize("bucket", ALL)
def test_replaced_objects_can_be_brought_back_for_a_while(bucket: str) -> None:
    deployment = deployed(keep_replaced_days=12)
    versioning = of_bucket(deployment, "BucketVersioning", bucket).inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    rule = of_bucket(deployment, "BucketLifecycleConfiguration", bucket).inputs["rules"][0]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 12}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rule["status"] == "Enabled"


def test_only_logs_are_deleted_by_age() -> None:
    deployment = deployed()
    for bucket, days in (("access-logs", [{"days": 90}]), ("pipelines", []), ("mlflow", [])):
        lifecycle = of_bucket(deployment, "BucketLifecycleConfiguration", bucket).inputs["rules"]
        assert [rule["expiration"] for rule in lifecycle if "expiration" in rule] == days


@pytest.mark.parametrize("bucket", DATA)
def test_objects_are_encrypted_with_the_key_and_access_is_recorded(bucket: str) -> None:
    deployment = deployed()
    encryption = of_bucket(deployment, "BucketServerSideEncryptionConfiguration", bucket)
    (rule,) = encryption.inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    logging = of_bucket(deployment, "BucketLogging", bucket).inputs
    assert (logging["targetBucket"], logging["targetPrefix"]) == ("plinth-prod-access-logs", f"{bucket}/")


def test_an_owner_reads_and_writes_its_bucket_alone() -> None:
    granted = role(deployed(), "pipelines-pipeline-runner")
    assert granted["s3:PutObject"] == granted["s3:GetObject"] == ["arn:aws:s3:::plinth-prod-pipelines/*"]
    assert granted["s3:ListBucket"] == ["arn:aws:s3:::plinth-prod-pipelines"]
    assert not [each for resources in granted.values() for each in resources if "mlflow" in each]


def test_whoever_has_a_folder_lists_and_reads_it_alone() -> None:
    folder = Folder(bucket="mlflow", prefix="workspaces/research/", reader="serving-research")
    buckets = (Bucket(name="mlflow", owner="tracking", folders=(folder,)),)
    found = statements("serving-research", buckets, "plinth-prod", "us-east-1", KEY)
    rights = {action: each for each in found for action in each.actions}
    assert {*rights} == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}
    assert rights["s3:ListBucket"].conditions == {"StringLike": {"s3:prefix": "workspaces/research/*"}}
    assert rights["s3:GetObject"].resources == ("arn:aws:s3:::plinth-prod-mlflow/workspaces/research/*",)


def test_who_may_write_below_a_folder_writes_what_the_pattern_names_and_nothing_else() -> None:
    folder = Folder(bucket="payloads", prefix="research/", reader="pipelines-research", writes="*/labels/*")
    buckets = (Bucket(name="payloads", owner="delivery", folders=(folder,)),)
    found = statements("pipelines-research", buckets, "plinth-prod", "us-east-1", KEY)
    rights = {action: each.resources for each in found for action in each.actions}
    assert rights["s3:PutObject"] == ("arn:aws:s3:::plinth-prod-payloads/research/*/labels/*",)
    assert rights["s3:GetObject"] == ("arn:aws:s3:::plinth-prod-payloads/research/*",)
    assert "kms:GenerateDataKey" in rights


def test_a_reader_writes_nothing() -> None:
    granted = role(deployed(), "serving-model-storage")
    assert granted["s3:GetObject"] == ["arn:aws:s3:::plinth-prod-mlflow/*"]
    changing = ("Put", "Delete", "Abort", "Generate", "Encrypt")
    assert not [action for action in granted if action.split(":")[1].startswith(changing)]


def test_no_role_can_destroy_what_was_replaced_or_change_a_bucket() -> None:
    deployment = deployed()
    for policy in deployment.of_type("RolePolicy"):
        actions = policies.allowed(policy.inputs["policy"])
        forbidden = ("s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:PutBucket", "s3:PutLifecycle")
        assert not [action for action in actions if action.startswith(forbidden)], policy.name


def test_who_may_use_the_bucket_may_use_the_key_through_s3_alone() -> None:
    deployment = deployed()
    for policy in deployment.of_type("RolePolicy"):
        granted = policies.allowed(policy.inputs["policy"])
        assert granted["kms:Decrypt"] == [KEY], policy.name
        assert ("kms:GenerateDataKey" in granted) is ("s3:PutObject" in granted), policy.name
        keys = [
            each for each in policies.statements(policy.inputs["policy"]) if "kms:Decrypt" in each["Action"]
        ]
        via = {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
        assert [each["Condition"] for each in keys] == [via]


def test_every_service_account_has_a_role_of_its_own() -> None:
    deployment = deployed()
    associations = {
        (each.inputs["namespace"], each.inputs["serviceAccount"]): each.inputs["roleArn"]
        for each in deployment.of_type("PodIdentityAssociation")
    }
    assert set(associations) == {
        ("kubeflow", "ml-pipeline"),
        ("runs", "pipeline-runner"),
        ("mlflow", "mlflow"),
        ("models", "model-storage"),
    }
    assert len(set(associations.values())) == 4


def connection(bucket: str, account: str) -> Deployment[ObjectStoreConnection]:
    def program() -> ObjectStoreConnection:
        found = S3ObjectStore("objects", ARGS).connection(bucket, account)
        kubernetes.core.v1.ConfigMap("consumer", data={"endpoint": found.endpoint})
        return found

    return deploy(program)


def test_a_connection_has_no_keys_and_names_the_bucket_in_aws() -> None:
    found = connection("mlflow", "serving").result
    assert found.keyless
    assert found.access_key is None
    assert found.secret_key is None
    assert (found.bucket, found.region, found.secure) == ("plinth-prod-mlflow", "eu-central-1", True)
    assert found.public, "the name of S3 is the same everywhere"


def test_a_consumer_waits_for_its_bucket_and_its_own_identity() -> None:
    deployment = connection("mlflow", "serving")
    consumer = deployment.one("ConfigMap")
    assert consumer.inputs["data"] == {"endpoint": "s3.eu-central-1.amazonaws.com:443"}
    before = rules.before(deployment, consumer)
    assert {
        "objects-mlflow-policy",
        "objects-mlflow-encryption",
        "objects-serving-model-storage-association",
    } <= before
    assert not [each for each in before if "pipeline-runner" in each]


def test_a_connection_is_given_only_to_accounts_with_a_part_in_the_bucket() -> None:
    def program() -> None:
        with pytest.raises(ValueError, match="'pipelines' may not use bucket 'mlflow'"):
            S3ObjectStore("objects", ARGS).connection("mlflow", "pipelines")

    deploy(program)


@pytest.mark.parametrize("deletable", [False, True])
def test_a_bucket_with_objects_is_deleted_only_where_the_stack_says_so(deletable: bool) -> None:
    buckets = deployed(deletable=deletable).of_type("aws:s3/bucket:Bucket")
    assert [each.inputs["forceDestroy"] for each in buckets] == [deletable] * 3


def test_a_name_that_is_too_long_is_refused_with_the_length_that_would_do() -> None:
    prefix = "p" * 52
    with pytest.raises(ValueError, match="64 characters of at most 63; shorten it to 51"):
        dataclasses.replace(ARGS, name_prefix=prefix)
    assert len(bucket_name("p" * 51, "access-logs")) == 63


def changes() -> list[Any]:
    nobody = (Bucket(name="data", owner="nobody"),)
    return [
        ({"name_prefix": "Plinth"}, "use lower-case letters"),
        ({"name_prefix": "-plinth"}, "use lower-case letters"),
        ({"name_prefix": "xn--plinth"}, "nothing that S3 reserves"),
        ({"buckets": ()}, "buckets: none given"),
        ({"buckets": nobody}, "names account 'nobody', as which no pod acts"),
        ({"accounts": {**ARGS.accounts, "serving": ()}}, "names account 'serving'"),
        ({"keep_replaced_days": 0}, "keep_replaced_days: 0"),
    ]


@pytest.mark.parametrize(("change", "message"), changes())
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
