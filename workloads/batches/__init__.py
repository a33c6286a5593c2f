"""Tables of many rows: read in parts, held against the columns of a model, answered and written whole.

Embedded in the step that predicts tables.
"""
