"""The page about scores of another program."""
