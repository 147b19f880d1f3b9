"""Clicks: recorded before the visitor is led on, and counted by day afterwards."""
