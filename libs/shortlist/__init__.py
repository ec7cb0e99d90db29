"""Shortlist: daily candidate lists for rankers, made by Spark jobs and published as checked Delta tables."""
