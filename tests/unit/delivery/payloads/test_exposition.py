"""Counts of recorded requests, as Prometheus reads them."""

from delivery.payloads import exposition
from delivery.version import Version

_VERSION = Version(namespace="models", model_name="wine", number="7")


def test_every_count_is_a_counter_in_full() -> None:
    lines = exposition.text({_VERSION: 12_345_678}, {}, 2).splitlines()
    labels = '{namespace="models",model_name="wine",version="7"}'
    assert f"plinth_payloads_stored_requests_total{labels} 12345678" in lines
    assert "plinth_payloads_store_failures_total{} 2" in lines
    assert {each.split()[-1] for each in lines if each.startswith("# TYPE")} == {"counter"}
