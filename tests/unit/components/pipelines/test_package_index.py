import pytest

from components.pipelines.package_index import PackageIndex


def test_pip_and_uv_find_an_index_with_tls_by_its_url_alone() -> None:
    index = PackageIndex(url="https://packages.example.com/simple")
    assert index.environment() == {
        "PIP_INDEX_URL": "https://packages.example.com/simple",
        "UV_DEFAULT_INDEX": "https://packages.example.com/simple",
    }
    assert index.port == 443


def test_an_index_in_clear_is_trusted_by_name() -> None:
    found = PackageIndex(url="http://index.tools:3141/simple/").environment()
    assert found["PIP_TRUSTED_HOST"] == found["UV_INSECURE_HOST"] == "index.tools:3141"


def test_steps_reach_the_port_of_the_index_in_its_networks_alone() -> None:
    index = PackageIndex(url="http://index.tools:3141/simple/", networks=("10.0.0.0/8",))
    assert index.egress() == {
        "to": [{"ip_block": {"cidr": "10.0.0.0/8"}}],
        "ports": [{"port": 3141, "protocol": "TCP"}],
    }
    anywhere = PackageIndex(url="http://index.tools/simple/").egress()
    assert anywhere == {
        "to": [{"ip_block": {"cidr": "0.0.0.0/0"}}],
        "ports": [{"port": 80, "protocol": "TCP"}],
    }


@pytest.mark.parametrize("url", ["ftp://index/simple", "index/simple", "https:///simple"])
def test_what_pip_could_not_use_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no index"):
        PackageIndex(url=url)


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="holds credentials") as caught:
        PackageIndex(url="https://me:secret@packages.example.com/simple")
    assert "secret" not in str(caught.value)
