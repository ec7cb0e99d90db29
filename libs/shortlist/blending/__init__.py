"""Several sources into one list."""
