"""What commands print while they work; imports nothing of this repository."""
