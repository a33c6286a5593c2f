import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import targets
from loadtests.errors import LoadtestError

OWN = frozenset({"10.213.7.2"})


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://10.213.7.2:30080", "http://10.213.7.2:30080"),
    ],
)
def test_load_goes_to_loopback_and_to_the_clusters_own_network(url: str, target: str) -> None:
    assert targets.permitted(url, OWN) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://localhost:8080",
        "http://10.213.7.3:30080",
        "http://192.168.1.1",
        "http://8.8.8.8",
        "http://0.0.0.0:80",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1:80@example.com/",
        "http://127.0.0.1.example.com",
        "http://2130706433",
        "http://",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
        "http://127.0.0.1/path",
        "http://127.0.0.1?x=1",
        "http://127.0.0.1:99999",
        "127.0.0.1:8080",
        "",
    ],
)
def test_any_other_target_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(LoadtestError) as refused:
        targets.permitted(url, OWN)
    assert str(refused.value).startswith("target ")
    assert "\n" not in str(refused.value)


@given(st.ip_addresses().filter(lambda address: not address.is_loopback))
def test_no_address_of_others_is_ever_permitted(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    if str(address) not in OWN:
        with pytest.raises(LoadtestError):
            targets.permitted(f"http://{host}:80", OWN)


def test_the_clusters_address_comes_from_the_endpoints_file_beside_its_kubeconfig(tmp_path: Path) -> None:
    kubeconfig = str(tmp_path / "kubeconfig")
    assert targets.own_addresses(kubeconfig) == frozenset()
    (tmp_path / "endpoints.json").write_text(json.dumps({"node_ip": "10.213.7.2"}))
    assert targets.own_addresses(kubeconfig) == OWN


@pytest.mark.parametrize("text", ['{"node_ip": "8.8.8.8"}', '{"node_ip": "example.com"}', "{}", "[]", "no"])
def test_a_file_that_names_no_private_address_permits_nothing_more(tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoints.json").write_text(text)
    assert targets.own_addresses(str(tmp_path / "kubeconfig")) == frozenset()
