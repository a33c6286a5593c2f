"""Isolation: accounts cannot leave their buckets, and pods reach only the named exceptions."""

import base64
import json
import re
import secrets
from collections.abc import Generator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from components.pipelines.pipeline_steps import ACCOUNT, POD_LABELS
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings.stack import Settings
from tests.e2e import probe
from workloads.endpoints import Endpoints
from workloads.gateway_access import authorities, reach

_OPEN = ("traefik.gateway:80", "traefik-node-port.gateway:80")
_BOUND_SECONDS = 5
# How long after its start a program reaches the kubelet, which asks everybody for a certificate.
_OPEN_SECONDS = """
import json, socket, sys, time
began, last, tries = time.monotonic(), 0.0, 0
while time.monotonic() - began < 15:
    tries += 1
    try:
        socket.create_connection((sys.argv[1], 10250), timeout=0.2).close()
        last = time.monotonic() - began
    except OSError:
        pass
print(json.dumps({"last open": last, "tries": tries}))
"""
# The API server calls webhooks from the node's own address, which no policy can tell from another node's.
_WEBHOOKS = re.compile(r"webhook")


@pytest.fixture(scope="module")
def keys(api: Any) -> dict[str, str]:
    """Access key -> secret key of every account of the object store."""
    secret = api.read_namespaced_secret("object-store-credentials", "object-store")
    users = json.loads(base64.b64decode(secret.data["users.json"]))["accessAccounts"]
    return {account: each["secret"] for account, each in users.items()}


@pytest.fixture
def stranger(api: Any) -> Generator[str]:
    """A namespace without policies, whose pods may call any address."""
    name = f"stranger-{secrets.token_hex(3)}"
    api.create_namespace({"metadata": {"name": name}})
    try:
        yield name
    finally:
        api.delete_namespace(name)


def _store(endpoints: Endpoints, account: str, secret: str) -> Any:
    url = reach(endpoints, endpoints.objects_host)
    secure = url.startswith("https:")
    return boto3.client(  # pyright: ignore[reportUnknownMemberType]
        "s3",
        endpoint_url=url if secure else f"http://{endpoints.objects_host}",
        verify=authorities(endpoints),
        aws_access_key_id=account,
        aws_secret_access_key=secret,
        region_name=endpoints.object_store_region,
        config=Config(
            proxies={} if secure else {"http": url},
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 2},
        ),
    )


def _answer(call: Any, **arguments: object) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        response: Any = error.response
        return str(response["Error"]["Code"])
    return "done"


def test_an_account_reaches_its_own_bucket_and_no_other(endpoints: Endpoints, keys: dict[str, str]) -> None:
    artifacts = endpoints.artifacts_destination.removeprefix("s3://")
    own = {"pipelines": endpoints.pipelines_bucket, "tracking": artifacts}
    for account, bucket in own.items():
        store = _store(endpoints, account, keys[account])
        probe = {"Bucket": bucket, "Key": "probe/isolation"}
        assert _answer(store.put_object, Body=b"1", **probe) == "done"
        assert _answer(store.delete_object, **probe) == "done"
        for other in set(own.values()) - {bucket}:
            assert _answer(store.list_objects_v2, Bucket=other) == "AccessDenied"
            assert _answer(store.put_object, Body=b"1", Bucket=other, Key="probe/isolation") == "AccessDenied"
        assert _answer(store.create_bucket, Bucket="another") == "AccessDenied"


def test_serving_reads_artifacts_and_writes_nothing(endpoints: Endpoints, keys: dict[str, str]) -> None:
    artifacts = endpoints.artifacts_destination.removeprefix("s3://")
    store = _store(endpoints, "serving", keys["serving"])
    assert _answer(store.list_objects_v2, Bucket=artifacts) == "done"
    assert _answer(store.put_object, Bucket=artifacts, Key="probe/isolation", Body=b"1") == "AccessDenied"
    assert _answer(store.list_objects_v2, Bucket=endpoints.pipelines_bucket) == "AccessDenied"


def test_a_wrong_key_is_refused(endpoints: Endpoints) -> None:
    store = _store(endpoints, "tracking", "wrong")
    assert _answer(store.list_buckets) == "SignatureDoesNotMatch"


def test_a_pod_elsewhere_reaches_the_gateway_and_nothing_behind_it(
    endpoints: Endpoints, settings: Settings, api: Any, stranger: str
) -> None:
    closed = _addresses(api, settings)
    assert len(closed) > 10, closed
    wanted = {**dict.fromkeys(closed, "closed"), **dict.fromkeys(_OPEN, "open")}
    found = probe.reach(api, stranger, endpoints.workload_image, wanted)
    assert found == wanted


def test_policies_of_a_new_pod_bind_within_seconds(endpoints: Endpoints, api: Any) -> None:
    """A pod runs before its policies bind, usually for a second; what guards itself is closed by then."""
    (node, *_) = api.list_node().items
    (kubelet,) = [each.address for each in node.status.addresses if each.type == "InternalIP"]
    found = probe.run(
        api,
        endpoints.pipelines_namespace,
        endpoints.workload_image,
        _OPEN_SECONDS,
        kubelet,
        labels=POD_LABELS,
        serviceAccountName=ACCOUNT,
    )
    assert found["tries"] > 10
    assert found["last open"] < _BOUND_SECONDS, found


def _addresses(api: Any, settings: Settings) -> list[str]:
    """Return host:port of every Service in the namespaces that the parts of the stack close."""
    namespaces = plan(settings, PARTS).closed_namespaces
    found: list[str] = []
    for namespace in namespaces:
        for service in api.list_namespaced_service(namespace).items:
            name: str = service.metadata.name
            if _WEBHOOKS.search(name) or service.spec.type == "ExternalName":
                continue
            ports = [port.port for port in service.spec.ports or [] if port.protocol == "TCP"]
            found += [f"{name}.{namespace}:{port}" for port in ports]
    return [each for each in found if each not in _OPEN]
