"""Listings of images, and folders for each label."""
