"""What the books and the facts say together: figures, lists and the reason for every amount."""
