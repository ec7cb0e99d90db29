"""What a run tells other systems, made from its manifest alone: lineage events, a metrics file, log lines."""
