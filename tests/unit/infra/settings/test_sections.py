import pytest

from infra.settings.sections import gib, mib


@pytest.mark.parametrize(("quantity", "whole"), [("20Gi", 20), ("1Ti", 1024), ("1Mi", 1), ("1025Mi", 2)])
def test_a_quantity_in_gib_is_rounded_up(quantity: str, whole: int) -> None:
    assert gib(quantity) == whole


@pytest.mark.parametrize(("quantity", "mebibytes"), [("900Mi", 900), ("2Gi", 2048), ("1Ti", 1024 * 1024)])
def test_a_quantity_in_mib_is_exact(quantity: str, mebibytes: int) -> None:
    assert mib(quantity) == mebibytes
