"""The client of the bucket: whoever uses it is not held up."""

from delivery.payloads import bucket
from delivery.payloads.settings import PayloadSettings

_SETTINGS = PayloadSettings(
    bucket="payloads", endpoint="http://store.example:9000", region="eu-west-1", keep_days=None
)


def test_its_patience_is_bounded() -> None:
    meta = bucket.client(_SETTINGS).meta
    assert (meta.endpoint_url, meta.region_name) == ("http://store.example:9000", "eu-west-1")
    config = meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1, 5, 1)
    assert config.retries["total_max_attempts"] == 1


def test_a_look_at_many_files_may_take_longer() -> None:
    config = bucket.client(_SETTINGS, read_seconds=10, attempts=2).meta.config
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (10, 2)
