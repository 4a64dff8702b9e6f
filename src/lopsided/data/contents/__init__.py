"""Which samples are the same, and whether data is still what it was."""
