"""What shops tell us: deliveries, and the facts read from them."""
