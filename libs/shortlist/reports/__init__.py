"""What a run did, for people: one HTML page per run date and a short text for terminals. Reads tables without a JVM."""
