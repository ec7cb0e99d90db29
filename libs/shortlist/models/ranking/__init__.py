"""Ranking of items for subjects on Spark, against shared arrays."""
