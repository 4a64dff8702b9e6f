"""The loss of a run: its options, the criterion that they make, and the way back to probabilities."""
