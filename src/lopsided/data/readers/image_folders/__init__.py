"""Folders of images with files of labels beside them."""
