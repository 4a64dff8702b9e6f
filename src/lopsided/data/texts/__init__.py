"""Texts, and what tokenisers make of them."""
