"""The former place of ``lopsided.inference.export.export``: a name that people import stays."""

from lopsided.inference.export import export as export
