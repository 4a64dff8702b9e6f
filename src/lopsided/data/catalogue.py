"""The kinds of source that data is read from: what each is called and which function reads it.

To add a reader, write its folder in ``readers/`` and one entry here. Help, errors and the list of sources follow.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from lopsided.data.options import IMAGE_OPTIONS

if TYPE_CHECKING:
    from lopsided.data.samples import Samples


@dataclass(frozen=True)
class Source:
    """A kind of source.

    Args:
        kind: Word before the colon.
        place: What stands behind it, in one word; empty where nothing does.
        reader: Its function, ``folder.file:function``, from a path, or from nothing without a place, to data; found
            when it is needed. The options that it takes are its parameters.
        endings: Of the names of files that are probably meant for it, where somebody forgot the kind.
        holds: What tells it from the others with such endings.
        of_images: Whether it gives image files, so that it takes ``IMAGE_OPTIONS`` too.
        mark: Pattern of a path below a folder that is probably meant for it.
    """

    kind: str
    place: str
    reader: str
    endings: tuple[str, ...] = ()
    holds: str = ""
    of_images: bool = False
    mark: str = ""

    @property
    def form(self) -> str:
        """As it is written, such as ``coco:DIR``."""
        return f"{self.kind}:{self.place}" if self.place else self.kind

    @property
    def read(self) -> Callable[..., Samples]:
        """The function of the reader."""
        path, _, name = self.reader.partition(":")
        return vars(import_module(f"lopsided.data.readers.{path}"))[name]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of what its reader takes, but for the place."""
        return tuple(inspect.signature(self.read).parameters)[bool(self.place) :]

    def takes(self, option: str) -> bool:
        """Whether an option of ``DataOptions`` does something with it."""
        return option in self.parameters or (self.of_images and option in IMAGE_OPTIONS)


KINDS = (
    Source("digits", "", "digits:digits"),
    Source(
        "listing",
        "FILE",
        "listing.reader:read_listing",
        (".csv", ".parquet", ".tsv", ".jsonl", ".ndjson"),
        "paths of images",
        True,
    ),
    Source("coco", "DIR", "coco.reader:read_coco", of_images=True, mark="annotations/instances_*.json"),
    Source("voc", "DIR", "voc.reader:read_voc", of_images=True, mark="ImageSets/Main"),
    Source("nus-wide", "DIR", "nus_wide.reader:read_nus_wide", of_images=True),
    Source("open-images", "DIR", "open_images.reader:read_open_images", of_images=True),
    Source("imagefolder", "DIR", "image_folders.imagefolder:read_imagefolder", of_images=True, mark="train/metadata.*"),
    Source("sidecars", "DIR", "image_folders.sidecars:read_sidecars", of_images=True),
    Source("yolo", "DIR", "image_folders.yolo:read_yolo", of_images=True, mark="data.yaml"),
    Source(
        "label-studio",
        "FILE",
        "annotation_tools.label_studio:read_label_studio",
        (".json",),
        "an export of Label Studio",
        True,
    ),
    Source("cvat", "FILE", "annotation_tools.cvat:read_cvat", (".xml",), "an export of CVAT", True),
    Source("fiftyone", "DIR", "annotation_tools.fiftyone:read_fiftyone", of_images=True, mark="samples.json"),
    Source(
        "chest-xray14",
        "DIR",
        "radiographs.chest_xray14:read_chest_xray14",
        of_images=True,
        mark="Data_Entry_2017*.csv",
    ),
    Source("chexpert", "DIR", "radiographs.chexpert:read_chexpert", of_images=True, mark="valid.csv"),
    Source(
        "bigearthnet", "DIR", "channels.bigearthnet:read_bigearthnet", of_images=True, mark="*/*_labels_metadata.json"
    ),
    Source(
        "protein-atlas",
        "DIR",
        "channels.protein_atlas:read_protein_atlas",
        of_images=True,
        mark="train/*_green.*",
    ),
    Source("svmlight", "FILE", "svmlight.reader:read_svmlight", (".svm", ".libsvm", ".svmlight")),
    Source("table", "FILE", "table.reader:read_table", (".csv", ".parquet", ".npz"), "features"),
    Source("text", "FILE", "text.reader:read_text", (".jsonl", ".ndjson"), "texts"),
    Source("arff", "STEM", "arff.reader:read_arff"),
)
"""Every kind of source, in the order that help and errors list them."""

SOURCES = tuple(kind.form for kind in KINDS)
"""As they are written."""


def is_source(text: str) -> bool:
    """Whether a text names a kind of source, as opposed to a file.

    >>> is_source("coco:data"), is_source("digits"), is_source("picture.jpg")
    (True, True, False)
    """
    return text.partition(":")[0] in {source.kind for source in KINDS}
