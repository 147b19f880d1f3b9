"""A brand's connected shops: how to reach them, what they send, and which promo codes they have."""
