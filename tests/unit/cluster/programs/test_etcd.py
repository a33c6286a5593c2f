import pytest

from cluster.instance import Instance
from cluster.programs import etcd


@pytest.mark.usefixtures("programs")
def test_etcd_listens_inside_only_and_asks_for_certificates(instance: Instance) -> None:
    argv = etcd.process(instance).argv
    urls = [argument for argument in argv if argument.startswith("--listen")]
    assert all("//127.0.0.1:" in url for url in urls)
    assert "--client-cert-auth=true" in argv
    assert f"--data-dir={instance.folder / 'etcd'}" in argv
