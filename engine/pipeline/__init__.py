"""Runs intake, attribution and rewards over a batch: one code for a webhook, an import, a rebuild."""
