"""Who takes part: one file for each way to train the same models."""
