"""Benchmarks: each measures ours beside a baseline in the same run, so that a slow machine changes neither verdict."""
