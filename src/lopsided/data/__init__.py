"""Data: files to a frozen value that keeps the protocol ``Samples``, and batches of it."""

from typing import TYPE_CHECKING

from lopsided.lazy_names import lazy_names

if TYPE_CHECKING:
    from lopsided.data.checks.summary import imbalance, summarise
    from lopsided.data.contents.leakage import in_two_splits
    from lopsided.data.derived.batches import ImageDataset, SplitDataset, TableDataset
    from lopsided.data.derived.hidden import make_unknown
    from lopsided.data.images.check import ImageCheck, check_images
    from lopsided.data.images.decode import UnreadableImage, open_image, why_unreadable
    from lopsided.data.images.near_duplicates import near_duplicates_in_two_splits
    from lopsided.data.labels import Labels, hide_positives
    from lopsided.data.manifest import Manifest
    from lopsided.data.options import DataOptions, ImageOptions
    from lopsided.data.readers.arff.reader import read_arff
    from lopsided.data.readers.coco.reader import read_coco
    from lopsided.data.readers.digits import digits
    from lopsided.data.readers.listing.reader import read_listing
    from lopsided.data.readers.loose_files import loose_images, loose_texts
    from lopsided.data.readers.nus_wide.reader import read_nus_wide
    from lopsided.data.readers.open_images.reader import read_open_images
    from lopsided.data.readers.svmlight.reader import read_svmlight
    from lopsided.data.readers.table.reader import read_table
    from lopsided.data.readers.text.reader import read_text
    from lopsided.data.readers.voc.reader import read_voc
    from lopsided.data.samples import Inputs, Samples
    from lopsided.data.source import Data, is_source, read_source
    from lopsided.data.splits.validation import with_validation
    from lopsided.data.table import Table
    from lopsided.data.texts.texts import Texts
    from lopsided.files.errors import DataError
else:
    __getattr__, __dir__ = lazy_names(__name__, __file__)

__all__ = [
    "Data",
    "DataError",
    "DataOptions",
    "ImageCheck",
    "ImageDataset",
    "ImageOptions",
    "Inputs",
    "Labels",
    "Manifest",
    "Samples",
    "SplitDataset",
    "Table",
    "TableDataset",
    "Texts",
    "UnreadableImage",
    "check_images",
    "digits",
    "hide_positives",
    "imbalance",
    "in_two_splits",
    "is_source",
    "loose_images",
    "loose_texts",
    "make_unknown",
    "near_duplicates_in_two_splits",
    "open_image",
    "read_arff",
    "read_coco",
    "read_listing",
    "read_nus_wide",
    "read_open_images",
    "read_source",
    "read_svmlight",
    "read_table",
    "read_text",
    "read_voc",
    "summarise",
    "why_unreadable",
    "with_validation",
]
