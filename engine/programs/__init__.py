"""Programs: their versioned terms, attribution policy, rates and groups."""
