"""How approved commission leaves: batches, payouts and their lines."""
