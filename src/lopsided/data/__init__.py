"""Data: files to one frozen value, and batches of it."""

from lopsided.data.arff import read_arff
from lopsided.data.batches import TableDataset
from lopsided.data.digits import digits
from lopsided.data.errors import DataError
from lopsided.data.labels import Labels, hide_positives
from lopsided.data.leakage import in_two_splits
from lopsided.data.manifest import Manifest
from lopsided.data.options import DataOptions, ImageOptions
from lopsided.data.source import read_source
from lopsided.data.summary import imbalance, summarise
from lopsided.data.table import Table
from lopsided.data.table_file import read_table
from lopsided.data.validation import with_validation

__all__ = [
    "DataError",
    "DataOptions",
    "ImageOptions",
    "Labels",
    "Manifest",
    "Table",
    "TableDataset",
    "digits",
    "hide_positives",
    "imbalance",
    "in_two_splits",
    "read_arff",
    "read_source",
    "read_table",
    "summarise",
    "with_validation",
]
