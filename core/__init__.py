"""What the API and the workers share: plug-ins, specification, engine, store and report."""
