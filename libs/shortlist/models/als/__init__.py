"""Implicit-feedback ALS: engines, placements and fold-in."""
