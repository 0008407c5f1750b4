"""Check CSV files against a schema."""
