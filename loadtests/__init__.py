"""Load on a platform: locust users at a stated rate, what they must be answered, and verdicts on it."""
