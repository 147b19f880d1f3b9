"""What is due, what was booked, and when it may be paid."""
