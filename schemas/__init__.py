"""The contracts: one Open Data Contract Standard file per table, the only statement of its columns and rules."""
