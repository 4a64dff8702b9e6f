"""What figures are made of, and the figures."""
