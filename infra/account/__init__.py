"""Checks an AWS account against a stack's demand (`preflight`), and estimates the stack's cost."""
