"""`shortlist` for people: Polars and delta-rs, no JVM, an answer in seconds."""
