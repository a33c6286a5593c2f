"""Names that both sides of the contract use."""

from workloads.contract import Host


def test_a_host_is_below_the_domain_of_its_platform() -> None:
    assert Host.TRACKING.below("ml.example.org") == "mlflow.ml.example.org"
