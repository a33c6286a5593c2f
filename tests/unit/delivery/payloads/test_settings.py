"""Where recorded requests are stored, as a stack writes it."""

from delivery.payloads.settings import PayloadSettings


def test_settings_are_read_as_the_stack_writes_them() -> None:
    found = PayloadSettings.from_json(
        {
            "bucket": "b",
            "endpoint": "http://s",
            "region": "r",
            "keepDays": 7,
            "excludedFeatures": ["age"],
            "sampleRate": 0.1,
        }
    )
    assert found == PayloadSettings(
        bucket="b",
        endpoint="http://s",
        region="r",
        keep_days=7,
        excluded_features=("age",),
        sample_rate=0.1,
    )


def test_a_store_that_deletes_by_itself_leaves_nothing_to_do() -> None:
    found = PayloadSettings.from_json({"bucket": "b", "endpoint": "e", "region": "r", "keepDays": None})
    assert (found.keep_days, found.excluded_features, found.sample_rate) == (None, (), 1.0)
