"""Burn-rate alerts on the service-level objectives, and the ratios that they read."""

from components.monitoring.rules import Alert, Recording, Rule
from components.monitoring.timing import Burn, Timing, duration
from components.serving.objectives import Objectives


def errors(window: str) -> str:
    """Return the recorded share of a model's requests that ended in a server error."""
    return f"service:serving_errors:ratio_rate{window}"


def slow(window: str) -> str:
    """Return the recorded share of a model's requests that exceeded the latency objective."""
    return f"service:serving_slow:ratio_rate{window}"


def requests(window: str) -> str:
    """Return the recorded number of a model's requests."""
    return f"service:serving_requests:increase{window}"


def windows(timing: Timing) -> list[str]:
    """Return the windows of all burn rates, shortest first."""
    seconds = {each for burn in timing.burns for each in (burn.short_seconds, burn.long_seconds)}
    return [duration(each) for each in sorted(seconds)]


def rules(models_namespaces: tuple[str, ...], objectives: Objectives, timing: Timing) -> list[Rule]:
    """Return the recordings of every window, then the alerts that read them."""
    # As the gateway calls what a route leads to: namespace, Service and port.
    names = "|".join(models_namespaces)
    selector = f'service=~"{names if len(models_namespaces) == 1 else f"({names})"}-.+"'
    recorded = [each for window in windows(timing) for each in _recordings(selector, objectives, window)]
    alerts = [
        alert
        for burn in timing.burns
        for alert in (
            _availability(objectives, burn, timing),
            _latency(objectives, burn, timing),
        )
    ]
    return [*recorded, *alerts]


def _recordings(selector: str, objectives: Objectives, window: str) -> list[Recording]:
    total = f"sum by (service) (rate(traefik_service_requests_total{{{selector}}}[{window}]))"
    failed = f'sum by (service) (rate(traefik_service_requests_total{{{selector},code=~"5.."}}[{window}]))'
    name = "traefik_service_request_duration_seconds"
    bound = float(objectives.latency_seconds)
    within = f'sum by (service) (rate({name}_bucket{{{selector},le="{bound}"}}[{window}]))'
    timed = f"sum by (service) (rate({name}_count{{{selector}}}[{window}]))"
    return [
        # Without an error there is no series of errors; the ratio is then 0, not unknown.
        Recording(record=errors(window), expression=f"({failed} or {total} * 0) / ({total} > 0)"),
        Recording(record=slow(window), expression=f"1 - {within} / ({timed} > 0)"),
        Recording(
            record=requests(window),
            expression=f"sum by (service) (increase(traefik_service_requests_total{{{selector}}}[{window}]))",
        ),
    ]


def _burning(ratio: str, threshold: float, burn: Burn, minimum: int) -> str:
    short, long = duration(burn.short_seconds), duration(burn.long_seconds)
    limit = f"{threshold:.6g}"
    return (
        f"{ratio}{long} > {limit} and {ratio}{short} > {limit} "
        f"and service:serving_requests:increase{long} >= {minimum}"
    )


def _availability(objectives: Objectives, burn: Burn, timing: Timing) -> Alert:
    budget = 1 - objectives.availability
    threshold = burn.factor * budget
    window = duration(burn.long_seconds)
    return Alert(
        name=f"ServingErrorBudget{burn.name}Burn",
        expression=_burning(errors(""), threshold, burn, objectives.minimum_requests),
        severity=burn.severity,
        hold_seconds=timing.hold_seconds,
        summary=(
            f"{{{{ $labels.service }}}} answers {{{{ $value | humanizePercentage }}}} of its requests with a "
            f"server error; {budget:.2%} are promised at most"
        ),
        remedy=f"Read the predictor's log and events; roll back what was deployed in the last {window}.",
        fires_within_seconds=timing.fires_within_seconds(window_seconds=_seconds(threshold, burn)),
    )


def _latency(objectives: Objectives, burn: Burn, timing: Timing) -> Alert:
    budget = 1 - objectives.latency_share
    threshold = burn.factor * budget
    return Alert(
        name=f"ServingLatencyBudget{burn.name}Burn",
        expression=_burning(slow(""), threshold, burn, objectives.minimum_requests),
        severity=burn.severity,
        hold_seconds=timing.hold_seconds,
        summary=(
            f"{{{{ $value | humanizePercentage }}}} of the requests to {{{{ $labels.service }}}} take longer "
            f"than {objectives.latency_seconds} s; {budget:.2%} are promised at most"
        ),
        remedy="Compare the predictor's CPU with its request, and the rate with what one replica can serve.",
        fires_within_seconds=timing.fires_within_seconds(window_seconds=_seconds(threshold, burn)),
    )


def _seconds(threshold: float, burn: Burn) -> int:
    """Return how long nothing may be good before the long window says so, with even traffic before."""
    return min(burn.long_seconds, round(threshold * burn.long_seconds) + 1)
