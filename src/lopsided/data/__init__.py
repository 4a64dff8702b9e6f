"""Data: files to one of two frozen values, and batches of it."""

from lopsided.data.arff import read_arff
from lopsided.data.batches import TableDataset
from lopsided.data.coco import read_coco
from lopsided.data.digits import digits
from lopsided.data.errors import DataError
from lopsided.data.image_check import ImageCheck, check_images
from lopsided.data.image_dataset import ImageDataset
from lopsided.data.images import UnreadableImage, open_image, why_unreadable
from lopsided.data.labels import Labels, hide_positives
from lopsided.data.leakage import in_two_splits
from lopsided.data.listing import read_listing
from lopsided.data.loose_files import loose_images
from lopsided.data.manifest import Manifest
from lopsided.data.near_duplicates import near_duplicates_in_two_splits
from lopsided.data.nus_wide import read_nus_wide
from lopsided.data.open_images import read_open_images
from lopsided.data.options import DataOptions, ImageOptions
from lopsided.data.source import Data, is_source, read_source
from lopsided.data.summary import imbalance, summarise
from lopsided.data.table import Table
from lopsided.data.table_file import read_table
from lopsided.data.validation import with_validation
from lopsided.data.voc import read_voc

__all__ = [
    "Data",
    "DataError",
    "DataOptions",
    "ImageCheck",
    "ImageDataset",
    "ImageOptions",
    "Labels",
    "Manifest",
    "Table",
    "TableDataset",
    "UnreadableImage",
    "check_images",
    "digits",
    "hide_positives",
    "imbalance",
    "in_two_splits",
    "is_source",
    "loose_images",
    "near_duplicates_in_two_splits",
    "open_image",
    "read_arff",
    "read_coco",
    "read_listing",
    "read_nus_wide",
    "read_open_images",
    "read_source",
    "read_table",
    "read_voc",
    "summarise",
    "why_unreadable",
    "with_validation",
]
