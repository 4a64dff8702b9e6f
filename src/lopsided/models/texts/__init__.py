"""Text encoders of transformers, with a head on what they make of a text."""
