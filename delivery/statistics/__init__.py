"""Statistics of delivery: pure functions of counts; no clock, no network."""
