"""Each run's answers on each of its test rows: gathered as they are scored, or computed again."""
