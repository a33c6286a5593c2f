import pytest

from components.serving.objectives import Objectives


@pytest.mark.parametrize("share", [0.0, 1.0, 99.5])
def test_a_promise_without_a_budget_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"availability: {share}; give a share between 0 and 1"):
        Objectives(availability=share)
    with pytest.raises(ValueError, match=f"latency_share: {share}"):
        Objectives(latency_share=share)
