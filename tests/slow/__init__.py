"""Tests with real servers, started on this machine: a scheduler with PostgreSQL, a Spark cluster, an object store. `infra/test slow` runs them."""
