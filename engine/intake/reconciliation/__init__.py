"""Reconciliation: what shops say they have, compared with what we have. It finds what lost webhooks told."""
