"""Writing data back: with other labels, in files that every verb reads."""
