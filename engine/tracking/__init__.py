"""What leads from an order back to an ambassador: promo codes, links and landing pages, and the clicks upon them."""
