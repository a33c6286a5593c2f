"""What a version proves before any caller: it answers as at training time, and as the version that serves."""
