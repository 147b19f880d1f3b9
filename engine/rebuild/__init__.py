"""Replays what was recorded into an empty database and compares the books to the last unit."""
