"""Sizes of parts."""

import pytest

from workloads.batches.parts import rows_of_part
from workloads.serving import request_parts


@pytest.mark.parametrize(("columns", "rows"), [(1, 5000), (200, 5000), (1000, 1000), (10_000, 250)])
def test_a_part_has_as_many_rows_as_a_request_and_fewer_of_a_wide_table(columns: int, rows: int) -> None:
    assert rows_of_part(columns) == rows
    # A step cannot import the rule, so its own copy is compared with it here.
    assert rows_of_part(1) == request_parts.MOST_ROWS
