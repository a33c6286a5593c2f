"""Settings by which predictors record."""

import json

from components.serving.recording import Recording


def test_rows_are_counted_and_requests_kept_as_the_stack_has_chosen() -> None:
    assert [*Recording().arguments()] == ["--record_bins=true"]
    both = Recording(sample_rate=0.25)
    assert [*both.arguments()] == ["--record_bins=true", "--record_sample_rate=0.25"]
    kept = Recording(counts_bins=False, sample_rate=1.0)
    assert [*kept.arguments()] == ["--record_sample_rate=1"]


def test_names_of_features_reach_the_predictor_whatever_is_in_them() -> None:
    names = ("age", 'a, "b"', "$(HOME)", "{{.Name}}")
    _, argument = Recording(excluded_features=names).arguments()
    option, _, given = argument.partition("=")
    assert option == "--record_excluded_features"
    assert tuple(json.loads(given)) == names
    # Kubernetes expands the one, KServe the other.
    assert "$" not in given
    assert "{" not in given
