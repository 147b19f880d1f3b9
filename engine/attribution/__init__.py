"""Who is credited for an order, and why."""
