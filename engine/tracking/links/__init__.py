"""Links: an ambassador's addresses that lead to the brand's shop."""
