"""What a night of verification leaves: records, history, and one page to look at."""
