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
        ("https://127.0.0.1:8080", "https://127.0.0.1:8080"),
        ("https://127.0.0.1", "https://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://10.213.7.2:30080", "http://10.213.7.2:30080"),
    ],
)
def test_loopback_and_the_clusters_own_network_are_permitted(url: str, target: str) -> None:
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
        "https://localhost:8080",
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


def test_declared_addresses_of_the_own_cluster_are_private_ones() -> None:
    assert targets.private_addresses(["10.213.7.2"]) == OWN
    assert targets.private_addresses([]) == frozenset()


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "2001:4860:4860::8888", "169.254.169.254", "::", "example.com", "10.0.0.0/8", ""],
)
def test_no_other_address_can_be_declared(text: str) -> None:
    with pytest.raises(LoadtestError, match=r"^own address .*: not a private IP address; give the node's$"):
        targets.private_addresses(["10.213.7.2", text])
