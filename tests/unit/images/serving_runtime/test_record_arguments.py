"""Arguments that say what is recorded."""

import argparse

import pytest
from predictor import record_arguments
from predictor.recorder import RecordSettings


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    record_arguments.add_to(parser)
    return parser.parse_args(arguments)


def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    options = parsed("--record_excluded_features=age")
    assert record_arguments.settings(options) is None
    assert options.record_port == 8081


def test_a_rate_and_features_that_are_not_recorded() -> None:
    found = record_arguments.settings(
        parsed("--record_sample_rate=0.1", "--record_excluded_features=age, zip code,")
    )
    assert found == RecordSettings(sample_rate=0.1, excluded_features=("age", "zip code"))


def test_rows_are_counted_without_keeping_any_request() -> None:
    assert record_arguments.settings(parsed("--record_bins=true")) == RecordSettings(sample_rate=0.0)
    assert record_arguments.settings(parsed("--record_bins=false")) is None


def test_names_with_commas_are_a_json_list() -> None:
    assert parsed('--record_excluded_features=["a, b", "c"]').record_excluded_features == ("a, b", "c")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--record_sample_rate=2", "'2': give a share from 0 to 1, such as 0.1"),
        ("--record_sample_rate=nan", "'nan': give a share from 0 to 1, such as 0.1"),
        ("--record_sample_rate=all", "'all': give a share from 0 to 1, such as 0.1"),
        ("--record_bins=yes", "'yes': give true or false"),
        ("--record_excluded_features=[age]", "'[age]': give names, or a JSON list such as"),
        ("--record_excluded_features=[1]", "'[1]': give names, or a JSON list such as"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(argument)
    assert message in capsys.readouterr().err
