"""`make load`: the promotion gate with locust as its source of measurements."""
