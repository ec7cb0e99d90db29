"""Co-occurrence of items in baskets: one pass, all measures, wherever it runs."""
