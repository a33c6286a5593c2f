"""Load tests of a platform: locust users at a given rate, the answers expected, and verdicts."""
