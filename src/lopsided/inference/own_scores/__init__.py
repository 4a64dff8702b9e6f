"""Scores that another program computed: read from a file, and put to every decision that a run is put to."""
