"""Brands, staff, ambassadors, logins and sessions, and the audit log of what staff did."""
