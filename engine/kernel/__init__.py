"""What every feature stands on and that knows no feature: money, ids, clock, errors, settings, database."""
