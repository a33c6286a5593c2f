"""Pins and builds of every upstream Go program plinth runs, cached outside the repository by content."""
