import dataclasses
import json

import pytest

from components.connections import Bucket, Folder
from components.incluster.object_store import ObjectStore, ObjectStoreArgs, bucket_policy, users_file
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

ARGS = ObjectStoreArgs(
    namespace="object-store",
    image="versitygw:1",
    job_image="plinth/mlflow-server:abc",
    buckets=(
        Bucket(name="mlflow", owner="tracking", readers=("serving",)),
        Bucket(name="pipelines", owner="kfp"),
    ),
    accounts={"tracking": "tracking-key", "serving": "serving-key", "kfp": "kfp-key"},
    administrator_secret="administrator-key",
    clients=(network_policies.in_namespace("mlflow"),),
    gateway=sample.GATEWAY,
)


def deployed(*, preview: bool = False, args: ObjectStoreArgs = ARGS) -> Deployment[ObjectStore]:
    return deploy(lambda: ObjectStore("object-store", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "ObjectStore")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, "tracking-key", "serving-key", "kfp-key", "administrator-key")


def _may(bucket: Bucket, account: str) -> set[str]:
    statements = bucket_policy(bucket)["Statement"]
    return {
        action
        for statement in statements
        if account in statement["Principal"]["AWS"]
        for action in statement["Action"]
    }


def test_owners_write_objects_and_readers_read_them() -> None:
    bucket = ARGS.buckets[0]
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"} <= _may(bucket, "tracking")
    assert _may(bucket, "serving") == {
        "s3:GetObject",
        "s3:ListBucket",
        "s3:GetBucketLocation",
        "s3:ListBucketMultipartUploads",
    }


def test_whoever_has_a_folder_reads_it_and_no_other() -> None:
    folders = [
        Folder(bucket="mlflow", prefix=f"workspaces/{team}/", reader=f"serving-{team}")
        for team in ("research", "applied")
    ]
    bucket = Bucket(name="mlflow", owner="tracking", readers=("serving",), folders=tuple(folders))
    reads = {
        account: resource
        for statement in bucket_policy(bucket)["Statement"]
        if statement["Action"] == ["s3:GetObject"]
        for account in statement["Principal"]["AWS"]
        for resource in statement["Resource"]
    }
    assert reads == {
        "tracking": "arn:aws:s3:::mlflow/*",
        "serving": "arn:aws:s3:::mlflow/*",
        "serving-research": "arn:aws:s3:::mlflow/workspaces/research/*",
        "serving-applied": "arn:aws:s3:::mlflow/workspaces/applied/*",
    }
    assert not {"s3:PutObject", "s3:DeleteObject"} & _may(bucket, "serving-research")


def test_who_may_write_below_a_folder_writes_what_the_pattern_names_and_nothing_else() -> None:
    folder = Folder(bucket="payloads", prefix="research/", reader="research", writes="*/labels/*")
    bucket = Bucket(name="payloads", owner="delivery", folders=(folder,))
    writes = {
        account: resource
        for statement in bucket_policy(bucket)["Statement"]
        if "s3:PutObject" in statement["Action"]
        for account in statement["Principal"]["AWS"]
        for resource in statement["Resource"]
    }
    assert writes == {
        "delivery": "arn:aws:s3:::payloads/*",
        "research": "arn:aws:s3:::payloads/research/*/labels/*",
    }


def test_nobody_may_delete_a_bucket_or_change_what_others_may() -> None:
    for bucket in ARGS.buckets:
        for statement in bucket_policy(bucket)["Statement"]:
            assert not [
                each for each in statement["Action"] if "*" in each or "Policy" in each or "Acl" in each
            ]
            assert not {"s3:DeleteBucket", "s3:PutBucketVersioning"} & set(statement["Action"])


def test_actions_on_objects_name_objects_and_those_on_buckets_the_bucket() -> None:
    for statement in bucket_policy(ARGS.buckets[0])["Statement"]:
        (resource,) = statement["Resource"]
        about_objects = any(each.endswith("Object") for each in statement["Action"])
        assert resource == ("arn:aws:s3:::mlflow/*" if about_objects else "arn:aws:s3:::mlflow")


def test_a_bucket_without_readers_is_its_owners_alone() -> None:
    assert {
        account
        for statement in bucket_policy(ARGS.buckets[1])["Statement"]
        for account in statement["Principal"]["AWS"]
    } == {"kfp"}


def test_no_account_may_do_more_than_bucket_policies_say() -> None:
    accounts = json.loads(users_file({"kfp": "secret"}))["accessAccounts"]
    assert accounts["kfp"]["role"] == "user"
    assert accounts["kfp"]["secret"] == "secret"


def test_consumers_wait_for_their_buckets() -> None:
    deployment = deployed()
    job = deployment.one("Job")
    assert {"object-store-server", "object-store-service"} <= rules.before(deployment, job)
    assert deployment.output("object-store") == {"endpoint": "object-store.object-store:9000"}


def test_the_job_reads_the_administrators_keys_from_files() -> None:
    pod = deployed().pods()["object-store-buckets"]
    (container,) = pod["containers"]
    given = {each["name"]: each["value"] for each in container["env"]}
    (mount,) = [
        each for each in container["volumeMounts"] if each["mountPath"] == given["CREDENTIALS_FOLDER"]
    ]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert [each["path"] for each in volume["secret"]["items"]] == ["access-key", "secret-key"]


def test_metrics_of_a_hanging_exporter_come_back_and_the_store_serves_meanwhile() -> None:
    deployment = deployed(args=dataclasses.replace(ARGS, metrics_image="plinth/statsd-exporter:abc"))
    exporter = deployment.pods()["object-store-server"]["containers"][1]
    assert exporter["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": 9102}
    assert "readinessProbe" not in exporter


def test_changed_policies_are_another_job_and_changed_secrets_are_not() -> None:
    wider = dataclasses.replace(ARGS, buckets=(Bucket(name="mlflow", owner="tracking"), ARGS.buckets[1]))
    rotated = dataclasses.replace(ARGS, accounts={**ARGS.accounts, "kfp": "another"})
    first, second, third = (
        deployed(args=args).one("Job").inputs["metadata"]["name"] for args in (ARGS, wider, rotated)
    )
    assert first != second
    assert first == third


def test_only_clients_the_gateway_and_the_job_may_connect() -> None:
    deployment = deployed()
    server = rules.policies(deployment)["object-store-server"]
    job, client, gateway = server["ingress"][0]["from"]
    labels = deployment.one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert job["podSelector"]["matchLabels"].items() <= labels.items()
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "mlflow"}
    assert gateway["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}


def test_the_service_selects_the_server_and_not_the_job() -> None:
    deployment = deployed()
    selector = deployment.one("Service").inputs["spec"]["selector"].items()
    assert selector <= deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"].items()
    assert not selector <= deployment.one("Job").inputs["spec"]["template"]["metadata"]["labels"].items()


def test_a_connection_is_given_only_to_accounts_with_a_part_in_the_bucket() -> None:
    def program() -> list[str]:
        store = ObjectStore("object-store", ARGS)
        buckets = [store.connection("mlflow", account).bucket for account in ("tracking", "serving")]
        with pytest.raises(ValueError, match="'kfp' may not use bucket 'mlflow'"):
            store.connection("mlflow", "kfp")
        return buckets

    assert deploy(program).result == ["mlflow", "mlflow"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"buckets": ()}, "buckets: none given"),
        ({"buckets": (Bucket(name="Upper", owner="kfp"),)}, "'Upper'"),
        ({"buckets": (Bucket(name="data", owner="nobody"),)}, "names account 'nobody'"),
        ({"accounts": {"administrator": "x"}}, "is the store's own"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]


def test_a_side_car_makes_metrics_of_what_the_store_tells() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    deployment = deployed(
        args=dataclasses.replace(ARGS, metrics_image="statsd-exporter:v0", scrapers=(scraper,))
    )
    server, exporter = deployment.pods()["object-store-server"]["containers"]
    (told,) = [each for each in server["args"] if each.startswith("--metrics-statsd-servers=")]
    assert f"--statsd.listen-udp={told.partition('=')[2]}" in exporter["args"]
    assert exporter["ports"] == [{"name": "metrics", "containerPort": 9102}]
    rules.assert_restricted(deployment)
    incoming = [
        rule
        for rule in rules.policies(deployment)["object-store-server"]["ingress"]
        if "prometheus" in str(rule["from"])
    ]
    assert [rule["ports"][0]["port"] for rule in incoming] == [9102]


def test_without_a_side_car_the_store_tells_no_one() -> None:
    (server,) = deployed().pods()["object-store-server"]["containers"]
    assert not any("statsd" in each for each in server["args"])
