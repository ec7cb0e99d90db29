"""Delta tables without Spark, by delta-rs and Polars: logs, commits, locks, digests, publications, repair, rollback."""
