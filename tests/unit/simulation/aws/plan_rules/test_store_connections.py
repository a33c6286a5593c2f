"""A workload that names a store in AWS encrypts its connections and verifies the server, in any dialect."""

from typing import Any

import pytest

from simulation.aws import wire
from simulation.aws.plan_rules import store_connections

_HOST = "db.c1a2.us-east-1.rds.amazonaws.com"
_PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
_MOUNTED = {"name": "authorities", "mountPath": "/authorities"}
_VOLUME = {"name": "authorities", "configMap": {"name": "authorities"}}
_AUTHORITIES = {
    "kind": "ConfigMap",
    "metadata": {"name": "authorities", "namespace": "here"},
    "data": {"ca.pem": _PEM, "other.txt": "text"},
}
_URI = {
    "kind": "Secret",
    "metadata": {"name": "stores", "namespace": "here"},
    "stringData": {"uri": f"postgresql://u:p@{_HOST}:5432/d?sslmode=verify-full"},
}


def _workload(
    env: dict[str, Any], *, args: tuple[str, ...] = (), mounts: bool = True, kind: str = "Deployment"
) -> dict[str, Any]:
    container = {
        "name": "client",
        "env": [
            {"name": name, **({"value": value} if isinstance(value, str) else {"valueFrom": value})}
            for name, value in env.items()
        ],
        "args": [*args],
        "volumeMounts": [_MOUNTED] if mounts else [],
    }
    pod = {"containers": [container], "volumes": [_VOLUME]}
    spec: dict[str, Any] = {"template": {"spec": pod}}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    if kind == "Pod":
        spec = pod
    return {"kind": kind, "metadata": {"name": "client", "namespace": "here"}, "spec": spec}


def _reasons(workload: dict[str, Any], *more: dict[str, Any]) -> list[str]:
    return [reason for _, reason in store_connections.find_unverified([workload, _AUTHORITIES, _URI, *more])]


_BY_URI = {"URI": {"secretKeyRef": {"name": "stores", "key": "uri"}}}
_VERIFIED: list[dict[str, Any]] = [
    _BY_URI | {"PGSSLROOTCERT": "/authorities/ca.pem"},
    {"HOST": _HOST, "SSL_CERT_DIR": "/authorities", "PARAMETERS": '{"tls": "true"}'},
    {"HOST": _HOST, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/authorities/ca.pem"},
    {"HOST": _HOST, "CLIENT_AUTHORITIES": "/authorities/ca.pem"},
    {"CLIENTS": f'[{{"host": "{_HOST}", "authorities": "/authorities/ca.pem"}}]'},
    {"DB": f"mysql://{_HOST}/d?ssl-mode=VERIFY_IDENTITY&ssl-ca=/authorities/ca.pem"},
    {
        "HOST": "s3.us-east-1.amazonaws.com",
        "STORE_SECURE": "true",
        "URL": "https://s3.us-east-1.amazonaws.com",
    },
    {"CONFIG": '{"endpoint": "s3.us-east-1.amazonaws.com:443", "insecure": false}'},
    {"URL": "https://models.s3.us-east-1.amazonaws.com/a"},
    {"HOST": "mysql.kubeflow", "TLS": "tls=false"},
]


@pytest.mark.parametrize("env", _VERIFIED)
def test_verified_connections_and_those_inside_the_cluster_are_fine(env: dict[str, Any]) -> None:
    assert _reasons(_workload(env)) == []


_NO_AUTHORITIES = "client: names a database and no file with the authorities of its certificate"
_NOT_ASKED = "client: names a database, and nothing asks for a verified connection"
_UNSAFE: list[tuple[dict[str, Any], str]] = [
    ({"HOST": _HOST}, _NO_AUTHORITIES),
    ({"HOST": _HOST, "CA": "/authorities/other.txt"}, _NO_AUTHORITIES),
    ({"HOST": _HOST, "CA": "/elsewhere/ca.pem"}, _NO_AUTHORITIES),
    *(
        ({"HOST": _HOST, "CA": "/authorities/ca.pem", name: value}, f"client: {name} asks for")
        for name, value in (
            ("URI", f"postgresql://{_HOST}/d?sslmode=require"),
            ("PGSSLMODE", "prefer"),
            ("PARAMETERS", '{"charset": "utf8mb4", "tls": "skip-verify"}'),
            ("DSN", f"u:p@tcp({_HOST}:3306)/d?tls=preferred"),
            ("DB_URL", f"mysql://{_HOST}/d?ssl-mode=REQUIRED"),
        )
    ),
    (
        {"HOST": "s3.us-east-1.amazonaws.com", "OBJECTSTORECONFIG_SECURE": "false"},
        "client: OBJECTSTORECONFIG_SECURE asks for",
    ),
    ({"URL": "http://s3.us-east-1.amazonaws.com"}, "client: URL asks for"),
    # Most clients do without TLS unless they are told, whomever they would trust.
    ({"HOST": _HOST, "SSL_CERT_DIR": "/authorities"}, _NOT_ASKED),
    ({"URI": f"postgresql://{_HOST}/d", "PGSSLROOTCERT": "/authorities/ca.pem"}, _NOT_ASKED),
    ({"URI": f"postgresql://{_HOST}/d?sslrootcert=/authorities/ca.pem"}, _NOT_ASKED),
    ({"HOST": "s3.us-east-1.amazonaws.com"}, "client: HOST names a store without https"),
    (
        {"HOST": "s3.us-east-1.amazonaws.com", "METRICS": '{"secure": true}'},
        "client: HOST names a store without https",
    ),
    (
        {"CONFIG": '{"endpoint": "s3.us-east-1.amazonaws.com", "insecure": true}'},
        "client: CONFIG asks for",
    ),
]


@pytest.mark.parametrize(("env", "reason"), _UNSAFE)
def test_every_way_not_to_verify_is_reported_once(env: dict[str, Any], reason: str) -> None:
    (found,) = _reasons(_workload(env))
    assert found.startswith(reason)


def test_authorities_that_are_not_mounted_are_none() -> None:
    assert _reasons(_workload({"HOST": _HOST, "CA": "/authorities/ca.pem"}, mounts=False)) == [
        _NO_AUTHORITIES
    ]


@pytest.mark.parametrize("kind", ["Deployment", "Job", "CronJob", "Pod"])
def test_every_kind_of_workload_is_read_with_its_arguments_and_secrets(kind: str) -> None:
    assert _reasons(_workload({}, args=(f"--host={_HOST}",), kind=kind)) == [_NO_AUTHORITIES]
    assert _reasons(_workload(_BY_URI, kind=kind)) == [_NO_AUTHORITIES]


def test_a_rendered_secret_is_read_too() -> None:
    rendered = {"kind": "Secret", "metadata": {"name": "r", "namespace": "here"}, "data": {"HOST": "ZGI="}}
    workload = _workload({})
    workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "r"}}]
    assert not [*store_connections.clients([workload, rendered])]
    rendered["data"] = {"HOST": "ZGIucmRzLmFtYXpvbmF3cy5jb20="}
    found = [*store_connections.clients([workload, rendered])]
    assert [each.name for each in found] == ["client", "Secret"]
    assert all(each.connects_to("db.rds.amazonaws.com") for each in found)


_ENDPOINT = "s3.us-east-1.amazonaws.com:443"
_OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "ConfigMap", "data": {"storage": f'{{"endpoint": "{_ENDPOINT}", "disableSSL": false}}'}}, ""),
    (
        {"kind": "ConfigMap", "data": {"storage": f'{{"endpoint": "{_ENDPOINT}", "disableSSL": true}}'}},
        "ConfigMap: storage asks for",
    ),
    (
        {"kind": "ConfigMap", "data": {"storage": f"endpoint: {_ENDPOINT}"}},
        "ConfigMap: storage names a store without https",
    ),
    (
        {"kind": "ConfigMap", "data": {"uri": f"mysql://{_HOST}/d?ssl-mode=DISABLED"}},
        "ConfigMap: uri asks for",
    ),
    (
        {
            "kind": "ClusterStorageContainer",
            "spec": {"env": [{"name": "URL", "value": f"http://{_ENDPOINT}"}]},
        },
        "ClusterStorageContainer: URL asks for",
    ),
    ({"kind": "Store", "spec": {"s3": {"endpoint": _ENDPOINT, "insecure": False}}}, ""),
    (
        {"kind": "Store", "spec": {"s3": {"endpoint": _ENDPOINT, "insecure": True}}},
        "Store: insecure asks for",
    ),
    ({"kind": "CustomResourceDefinition", "spec": {"description": f"such as {_ENDPOINT}"}}, ""),
]


@pytest.mark.parametrize(("obj", "reason"), _OTHERS)
def test_an_object_whose_settings_a_controller_hands_on_is_read_whole(
    obj: dict[str, Any], reason: str
) -> None:
    found = [each for _, each in store_connections.find_unverified([{"metadata": {"name": "o"}, **obj}])]
    assert len(found) == bool(reason)
    assert "".join(found).startswith(reason)


@pytest.mark.parametrize(("https", "expected"), [("1", 0), ("0", 1)])
def test_an_annotation_of_a_secret_says_whether_it_is_tls(https: str, expected: int) -> None:
    annotations = {"serving.kserve.io/s3-endpoint": _ENDPOINT, "serving.kserve.io/s3-usehttps": https}
    secret = {"kind": "Secret", "metadata": {"name": "s", "annotations": annotations}, "data": {}}
    reasons = [each for _, each in store_connections.find_unverified([secret])]
    assert len(reasons) == expected


def test_a_secret_that_a_plan_hides_says_nothing() -> None:
    hidden = {"kind": "Secret", "metadata": {"name": "stores", "namespace": "here"}, "stringData": "[secret]"}
    assert _reasons(_workload(_BY_URI), hidden) == []


def test_a_file_of_a_config_map_that_a_plan_cannot_name_yet_is_believed() -> None:
    workload = _workload({"HOST": _HOST, "CA": "/authorities/ca.pem"})
    (volume,) = workload["spec"]["template"]["spec"]["volumes"]
    workload["spec"]["template"]["spec"]["volumes"] = [volume | {"configMap": {"name": wire.UNKNOWN}}]
    assert _reasons(workload) == []


def test_kinds_without_pods_are_passed_over() -> None:
    pool = {"kind": "NodePool", "metadata": {"name": "p"}, "spec": {"template": {"spec": {"taints": []}}}}
    assert _reasons(pool) == []
