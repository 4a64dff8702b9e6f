"""Published sets whose images lie in a file for each channel."""
