"""A network: what an architecture becomes where it meets a dataset's shape, and how it is run."""
