"""Landing folders and the files in them, and the producers of demo and synthetic landings."""
