import pytest

from components.monitoring import metric_names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("up == 0", {"up"}),
        ('sum by (service) (rate(requests_total{code=~"5..",service=~"a-.+"}[5m]))', {"requests_total"}),
        ("a / on (x) group_left (y) b > 1.5e3", {"a", "b"}),
        ("sum(x unless x offset 15m) > 0 or vector(0) < 1", {"x"}),
        ("histogram_quantile(0.99, sum by (le) (increase(h_bucket[1h])))", {"h_bucket"}),
        ('label_replace(vector(7), "name", "kserve", "", "")', set[str]()),
        ("service:errors:ratio_rate5m > 0.07 and service:errors:ratio_rate1h > 0.07", {
            "service:errors:ratio_rate5m", "service:errors:ratio_rate1h",
        }),
        ("rule:expiry - time() < 86400", {"rule:expiry"}),
    ],
)  # fmt: skip
def test_every_series_of_an_expression_is_named_and_nothing_else(expression: str, names: set[str]) -> None:
    assert metric_names.of(expression) == names
