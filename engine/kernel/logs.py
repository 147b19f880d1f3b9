"""Where log lines go: to stderr, since stdout belongs to what a command answers."""

import sys

import structlog


def log_to_stderr() -> None:
    """Send every log line of this process to stderr as it is at that moment."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def one_line(text: str) -> str:
    """Return what somebody else's error says, on one line and without what a database or a terminal might act upon."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
