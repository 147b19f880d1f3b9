"""Finds plugins, keeps them apart, and asks them things through one guard."""
