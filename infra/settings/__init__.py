"""Choices of a stack: records, the rules that they must keep together, and their only reader."""
