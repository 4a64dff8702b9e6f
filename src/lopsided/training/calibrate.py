"""The former place of ``lopsided.inference.calibrate.calibrate``: a name that people import stays."""

from lopsided.inference.calibrate import calibrate as calibrate
