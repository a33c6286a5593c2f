"""Quotas of teams: Kueue, a queue for each team, and what watches both."""
