"""The former place of ``lopsided.inference.evaluate.evaluate``: a name that people import stays."""

from lopsided.inference.evaluate import evaluate as evaluate
