"""What a scheduler runs, one file each."""
