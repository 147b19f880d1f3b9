"""Landing pages: an ambassador's own page, approved by the brand."""
