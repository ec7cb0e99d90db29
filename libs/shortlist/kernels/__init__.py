"""Arithmetic on arrays, compiled; one thread a call, without the GIL, and nothing known of Spark."""
