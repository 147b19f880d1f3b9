"""What happened, written in the transaction in which it happened, and told to others afterwards."""
