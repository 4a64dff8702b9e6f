"""What a run is on disk: its configuration, its folder, and what its outputs mean."""
