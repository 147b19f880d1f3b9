"""Lets `python -m engine.cli` stand for `goodword`, for processes that start another one of their own kind."""

from engine.cli import main

if __name__ == "__main__":
    main()
