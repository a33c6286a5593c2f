"""Evidence of a night: its record, the history of nights, and a page."""
