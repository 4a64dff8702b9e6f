"""How the columns of any file are read, and what they mean: roles, labels, splits."""
