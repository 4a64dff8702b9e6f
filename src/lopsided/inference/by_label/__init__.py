"""What is measured and decided where the scores of a split are too many to hold: some labels at a time."""
