"""What predictors are told to count."""

import json

from components.serving.counted_rows import CountedRows


def test_rows_are_counted_and_no_request_is_kept() -> None:
    assert CountedRows().arguments() == ["--record_bins=true"]


def test_names_of_features_reach_the_predictor_whatever_is_in_them() -> None:
    names = ("age", 'a, "b"', "$(HOME)", "{{.Name}}")
    _, argument = CountedRows(excluded_features=names).arguments()
    option, _, given = argument.partition("=")
    assert option == "--record_excluded_features"
    assert tuple(json.loads(given)) == names
    # Kubernetes expands the one, KServe the other.
    assert "$" not in given
    assert "{" not in given
