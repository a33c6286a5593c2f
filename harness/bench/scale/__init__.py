"""`make bench-scale`: what many runs, models and served models cost, and how the time of a read grows."""
