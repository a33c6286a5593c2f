"""What the gateway does not publish, and what is on record of those who come through it."""

import json
import secrets
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from kubernetes import client

from tests.e2e import through_gateway
from workloads import cluster_client, object_store, tokens
from workloads.endpoints import Endpoints
from workloads.wait import wait


@pytest.fixture(scope="module")
def gateway(endpoints: Endpoints) -> Generator[httpx.Client]:
    with through_gateway.connect(endpoints) as connected:
        yield connected


@pytest.fixture(scope="module")
def hosts(endpoints: Endpoints) -> dict[str, str]:
    return {
        "mlflow": endpoints.tracking_host,
        "pipelines": endpoints.pipelines_host,
        "prometheus": endpoints.prometheus_host,
        "wine": endpoints.model_host("wine"),
    }


@pytest.mark.parametrize(
    ("server", "method", "path"),
    [
        ("wine", "POST", "/v2/repository/models/wine/unload"),
        ("wine", "POST", "/v2/repository/models/wine/load"),
        ("wine", "GET", "/openapi.json"),
        ("wine", "GET", "/metrics"),
        ("mlflow", "GET", "/metrics"),
        ("mlflow", "POST", "/gateway/openai/v1/chat/completions"),
        ("pipelines", "GET", "/metrics"),
        ("pipelines", "POST", "/apis/v2beta1/workflows"),
        ("pipelines", "POST", "/apis/v1beta1/workflows"),
        ("pipelines", "POST", "/apis/v2beta1/scheduledworkflows"),
        ("prometheus", "GET", "/metrics"),
        ("prometheus", "POST", "/-/quit"),
        ("prometheus", "POST", "/-/reload"),
        ("prometheus", "GET", "/api/v1/status/config"),
        ("prometheus", "POST", "/api/v1/admin/tsdb/delete_series"),
        ("prometheus", "GET", "/debug/pprof/heap"),
        # The gateway and the server see the same path.
        ("prometheus", "POST", "/api/v1/query/../../../-/quit"),
        ("prometheus", "POST", "/api/v1/query/%2e%2e/%2e%2e/%2e%2e/-/quit"),
    ],
)
def test_it_is_not_found(
    gateway: httpx.Client, hosts: dict[str, str], server: str, method: str, path: str
) -> None:
    answer = gateway.request(method, path, headers={"Host": hosts[server]})
    assert answer.status_code == 404, answer.text[:200]


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ("wine", "/v2/models/wine/ready"),
        ("mlflow", "/health"),
        ("mlflow", "/"),
        ("pipelines", "/apis/v2beta1/healthz"),
        ("pipelines", "/apis/v2beta1/experiments"),
        ("prometheus", "/api/v1/query?query=up"),
    ],
)
def test_what_clients_need_answers(
    gateway: httpx.Client, hosts: dict[str, str], server: str, path: str
) -> None:
    assert gateway.get(path, headers={"Host": hosts[server]}).status_code == 200


def test_every_request_is_on_record_without_its_headers(endpoints: Endpoints, gateway: httpx.Client) -> None:
    api = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    (pod, *_) = api.list_namespaced_pod("gateway", label_selector="app.kubernetes.io/name=traefik").items
    # A path of its own, to find the line; a token, which must not be in it.
    path = f"/v1/models/wine-{secrets.token_hex(4)}:predict"
    token = tokens.token(endpoints) or secrets.token_hex(16)
    headers = {"Host": endpoints.model_host("wine"), "Authorization": f"Bearer {token}"}
    assert gateway.post(path, json={"instances": []}, headers=headers).status_code == 404

    def logged() -> Any:
        # The log is written in parts: more requests push it out.
        for _ in range(16):
            gateway.get("/v1/models", headers=headers)
        log = api.read_namespaced_pod_log(pod.metadata.name, "gateway", tail_lines=2000)
        assert token not in log
        return [json.loads(line) for line in log.splitlines() if path in line]

    (line, *more) = wait("a line of the access log", logged, ready=bool, timeout_seconds=60)
    assert not more
    assert line["RequestHost"] == endpoints.model_host("wine")
    assert (line["RequestMethod"], line["RequestPath"], line["DownstreamStatus"]) == ("POST", path, 404)
    assert line["ClientHost"]


def test_a_steps_key_opens_objects_and_changes_no_bucket(endpoints: Endpoints) -> None:
    store = object_store.pipelines_store(endpoints)
    bucket, key = endpoints.pipelines_bucket, f"tests/{secrets.token_hex(4)}"
    store.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert store.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    assert [each["Key"] for each in store.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]] == [key]
    public = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    for refused in (
        lambda: store.put_bucket_policy(
            Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [public]})
        ),
        lambda: store.delete_bucket(Bucket=bucket),
        lambda: store.put_bucket_acl(Bucket=bucket, ACL="public-read"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    store.delete_object(Bucket=bucket, Key=key)
