"""Where log lines go: to stderr, since stdout belongs to what a command answers."""

import sys

import structlog


def log_to_stderr() -> None:
    """Send every log line of this process to stderr as it is at that moment."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
