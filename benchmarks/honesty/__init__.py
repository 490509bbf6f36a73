"""Whether a report's claims hold: false claims, coverage and power where the truth is known."""
