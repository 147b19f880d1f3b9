"""How a person becomes, is and stops being an ambassador of a program."""
