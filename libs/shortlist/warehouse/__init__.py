"""Spark's side of the tables: the session, fenced Delta writes, a run with its pinned inputs, publishing."""
