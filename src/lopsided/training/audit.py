"""The former place of ``lopsided.inference.audit.audit``: a name that people import stays."""

from lopsided.inference.audit import audit as audit
