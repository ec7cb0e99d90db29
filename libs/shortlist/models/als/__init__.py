"""Implicit-feedback ALS: engines, placements, and item factors that every task is given."""
