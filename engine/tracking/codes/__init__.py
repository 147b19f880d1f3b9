"""Promo codes: issued, owned, released, expired."""
