"""Experiments: which of two versions on live traffic is right more often, by labels that come later."""
