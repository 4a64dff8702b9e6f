"""Tables of the Mulan collection."""
