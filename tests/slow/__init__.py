"""Tests with real servers on this machine: a scheduler, a Spark cluster, an object store; `infra/test slow` runs them."""
