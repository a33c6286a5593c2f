"""Answers of versions, counted from the text of the gateway's metrics."""

from delivery.rollouts.gateway_counters import Answers, GatewayCounters, read

_SERVICE = "models-wine-v1-predictor-http-80"


def _metrics(good: int, bad: int, fast: int = 0, service: str = _SERVICE) -> str:
    labels = f'method="POST",protocol="http",service="{service}@kubernetesgateway"'
    bucket = f'traefik_service_request_duration_seconds_bucket{{code="200",{labels},le='
    return "\n".join(
        [
            "# HELP traefik_service_requests_total How many",
            f'traefik_service_requests_total{{code="200",{labels}}} {good}',
            f'traefik_service_requests_total{{code="404",{labels}}} 1',
            f'traefik_service_requests_total{{code="503",{labels}}} {bad}',
            f'{bucket}"0.001"}} {fast}',
            f'{bucket}"+Inf"}} {good}',
            'traefik_entrypoint_requests_total{code="200",entrypoint="web"} 1e+06',
            "",
        ]
    )


def test_only_answers_of_500_and_above_have_failed() -> None:
    found = read(_metrics(good=10, bad=2, fast=4))
    assert found == {
        _SERVICE: Answers(total=13, failed=2, buckets={0.001: 4, float("inf"): 10}),
    }


def test_the_first_reading_has_nothing_to_be_compared_with() -> None:
    counters = GatewayCounters()
    assert counters.advance({"a": _metrics(10, 0)}) is None
    found = counters.advance({"a": _metrics(15, 1, fast=3)})
    assert found is not None
    assert found[_SERVICE] == Answers(total=6, failed=1, buckets={0.001: 3, float("inf"): 5})


def test_pods_are_added_and_a_pod_that_is_new_or_began_again_counts_from_zero() -> None:
    counters = GatewayCounters()
    counters.advance({"a": _metrics(10, 0), "b": _metrics(100, 0)})
    found = counters.advance({"a": _metrics(3, 0), "b": _metrics(101, 0), "c": _metrics(4, 0)})
    assert found is not None
    # a began again: 3 and the one 404; b one more; c 4 and its 404.
    assert found[_SERVICE].total == 4 + 1 + 5


def test_a_pod_that_was_away_once_is_not_counted_twice() -> None:
    counters = GatewayCounters()
    counters.advance({"a": _metrics(10, 0)})
    assert counters.advance({}) == {}
    found = counters.advance({"a": _metrics(12, 0)})
    assert found is not None
    assert found[_SERVICE].total == 2


def test_services_are_apart() -> None:
    counters = GatewayCounters()
    other = "models-wine-v2-predictor-http-80"
    counters.advance({"a": _metrics(1, 0)})
    found = counters.advance({"a": _metrics(2, 0) + _metrics(5, 5, service=other)})
    assert found is not None
    assert (found[_SERVICE].total, found[other].total, found[other].failed) == (1, 11, 5)
