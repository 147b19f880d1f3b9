"""Work that is done later or again and again, by leased rows in the same database."""
