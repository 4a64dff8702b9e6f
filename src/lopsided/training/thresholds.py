"""The former place of ``lopsided.inference.thresholds.choose``: a name that people import stays."""

from lopsided.inference.thresholds import choose as choose
