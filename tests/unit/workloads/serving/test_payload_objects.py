"""Keys of recorded requests."""

from datetime import UTC, datetime

from workloads.serving import payload_objects

_WHEN = datetime(2026, 3, 4, 5, 59, 59, tzinfo=UTC)


def test_the_key_of_a_batch_names_namespace_model_version_and_hour() -> None:
    key = payload_objects.key("models", "wine", "7", _WHEN, "ab12", 41)
    assert key == "models/wine/v7/2026/03/04/05/ab12-0000000041.jsonl.gz"
    assert key.startswith(payload_objects.hour_folder("models", "wine", "7", _WHEN))


def test_a_folder_is_no_beginning_of_anothers_name() -> None:
    assert payload_objects.folder("models") == "models/"
    assert payload_objects.folder("models", "wine") == "models/wine/"
    assert not payload_objects.folder("models", "wine", "12").startswith(
        payload_objects.folder("models", "wine", "1")
    )


def test_batches_of_a_process_sort_in_the_order_of_their_requests() -> None:
    keys = [payload_objects.key("m", "w", "1", _WHEN, "ab", each) for each in (9, 10, 1000, 123456)]
    assert keys == sorted(keys)
