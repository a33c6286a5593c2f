"""Traefik's command and file: what holds for every entry point, and what leaves the cluster."""

import pytest
import yaml

from components.access.gate import address
from components.access.traefik_configuration import arguments, dynamic, entries


def test_every_request_is_logged_without_its_headers() -> None:
    given = arguments()
    assert {"--accesslog=true", "--accesslog.format=json"} <= {*given}
    assert {"--accesslog.fields.defaultmode=drop", "--accesslog.fields.headers.defaultmode=drop"} <= {*given}
    kept = {
        each.split(".")[3].partition("=")[0] for each in given if each.startswith("--accesslog.fields.names")
    }
    assert {"ClientHost", "RequestHost", "RequestMethod", "RequestPath", "DownstreamStatus"} <= kept


def test_it_calls_no_one_at_home() -> None:
    assert {"--global.checknewversion=false", "--global.sendanonymoususage=false"} <= set(arguments())


@pytest.mark.parametrize("secure", [False, True])
def test_the_gate_hangs_on_every_entry_point_of_users(secure: bool) -> None:
    given = entries(guarded=True, secure=secure)
    opened = {each.split(".")[1] for each in given if ".address=" in each}
    guarded = {each.split(".")[1] for each in given if ".http.middlewares=gate@file," in each}
    assert opened == guarded == ({"web", "websecure"} if secure else {"web"})
    assert not [each for each in entries(secure=secure) if "gate" in each]


def test_no_route_of_the_entry_point_for_tls_is_served_in_clear() -> None:
    assert "--entrypoints.websecure.http.tls=true" in entries(secure=True)


@pytest.mark.parametrize(("guarded", "secure"), [(False, False), (True, False), (False, True)])
def test_the_file_is_read(guarded: bool, secure: bool) -> None:
    given = arguments(guarded=guarded, secure=secure)
    assert "--providers.file.filename=/etc/traefik/dynamic/dynamic.yaml" in given


def test_the_file_has_what_is_asked_for() -> None:
    plain, guarded = (yaml.safe_load(dynamic(gate, 1)) for gate in (None, address()))
    assert {*plain} == {*guarded} == {"http"}
    assert {*plain["http"]["middlewares"]} == {"in-flight"}
    assert {*guarded["http"]["middlewares"]} == {"gate", "in-flight"}
    secure = yaml.safe_load(dynamic(None, 1, "/folder"))
    assert secure["http"] == plain["http"]
    assert secure["tls"] == {
        "stores": {
            "default": {"defaultCertificate": {"certFile": "/folder/tls.crt", "keyFile": "/folder/tls.key"}}
        }
    }
