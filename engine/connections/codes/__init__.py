"""Promo codes in shops: what a shop should have, what was put there, and where the two differ."""
