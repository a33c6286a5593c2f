"""Pins and builds of upstream Go programs, and the recipes of images: what everything here is made of."""
