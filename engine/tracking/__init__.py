"""Promo codes: what leads from an order back to an ambassador."""
