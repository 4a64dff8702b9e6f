"""The former place of ``lopsided.inference.predict.predict``: a name that people import stays."""

from lopsided.inference.predict import predict as predict
