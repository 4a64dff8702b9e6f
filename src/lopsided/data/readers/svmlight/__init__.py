"""Sparse features and label numbers in the text form of LibSVM and of the extreme classification collection."""
