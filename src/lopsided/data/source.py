"""One text that says where data comes from."""

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from lopsided.data.labels import hide_positives
from lopsided.data.options import DataOptions
from lopsided.data.readers.arff.reader import read_arff
from lopsided.data.readers.coco.reader import read_coco
from lopsided.data.readers.digits import LABEL_NAMES, digits
from lopsided.data.readers.listing.reader import read_listing
from lopsided.data.readers.nus_wide.reader import read_nus_wide
from lopsided.data.readers.open_images.reader import read_open_images
from lopsided.data.readers.table.reader import read_table
from lopsided.data.readers.voc.reader import read_voc
from lopsided.data.run_labels import check_known
from lopsided.data.samples import Samples
from lopsided.data.validation import with_validation
from lopsided.files.errors import DataError, quoted

Data: TypeAlias = Samples
"""What a reader gives."""

SOURCES = (
    "digits",
    "listing:FILE",
    "coco:DIR",
    "voc:DIR",
    "nus-wide:DIR",
    "open-images:DIR",
    "table:FILE",
    "arff:STEM",
)

_HINTS = {
    **dict.fromkeys((".csv", ".parquet"), "table:{} (features) or listing:{} (paths of images)"),
    ".npz": "table:{}",
    **dict.fromkeys((".tsv", ".jsonl", ".ndjson"), "listing:{}"),
}


def read_source(
    source: str, options: DataOptions | None = None, *, seed: int = 0, label_names: Sequence[str] | None = None
) -> Data:
    """Read the data that a text names.

    Args:
        source: ``digits``, or a kind and a place such as ``coco:DIR``; see ``SOURCES`` and the reader of each.
        options: What to do with it; by default, what ``DataOptions()`` says. With ``validation_share=0`` and
            ``missing=0`` the data is as it lies on disk.
        seed: Decides the scenes of ``digits``, the validation samples and the hidden positives, at least 0.
        label_names: Labels of a run that is to be applied to the data, which then has exactly these, in their order;
            what the data does not say is unknown. Those of ``digits`` must be these.

    Returns:
        A table, or a manifest of image files, with a ``val`` split if there is any to be had. With ``missing`` its
        ``truth`` holds all labels; validation and test keep theirs.

    Raises:
        DataError: There is no such kind of source, an option is for others, it cannot be read, or it has a label that
            the run does not know.

    Example:
        >>> read_source("digits", DataOptions(train_samples=500)).split_names
        ('train', 'val', 'test')
    """
    options = options or DataOptions()
    if seed < 0:
        raise DataError(f"expected seed to be at least 0, got {seed}")
    kind, place = split_source(source)
    given = options.of_reader(kind)
    if kind == "digits":
        _check_digits(label_names)
        return digits(train_samples=options.train_samples, missing=options.missing, seed=seed)
    readers = {
        "listing": read_listing,
        "coco": read_coco,
        "voc": read_voc,
        "nus-wide": read_nus_wide,
        "open-images": read_open_images,
        "table": read_table,
        "arff": read_arff,
    }
    data: Data = readers[kind](Path(place).expanduser(), label_names=label_names, **given)
    data = with_validation(data, share=options.validation_share, seed=seed)
    if options.missing == 0 or "train" not in data.split_names:
        return data
    hidden = hide_positives(data.labels, data.rows("train"), share=options.missing, seed=seed)
    return dataclasses.replace(data, labels=hidden, truth=data.labels)


def is_source(text: str) -> bool:
    """Whether a text names a kind of source, as opposed to a file.

    >>> is_source("coco:data"), is_source("digits"), is_source("picture.jpg")
    (True, True, False)
    """
    return text.partition(":")[0] in {form.partition(":")[0] for form in SOURCES}


def split_source(source: str) -> tuple[str, str]:
    """The kind of a source and its place, which is empty for ``digits``.

    Raises:
        DataError: There is no such kind, or the place is missing; the message names what is nearest.
    """
    kind, colon, place = source.partition(":")
    wanted = next((form for form in SOURCES if form.partition(":")[0] == kind), None)
    if wanted is None:
        raise DataError(_unknown(source, kind))
    if (":" in wanted) != bool(place) or (":" not in wanted and colon):
        raise DataError(f"expected {wanted}, got {quoted(source)}")
    return kind, place


def _check_digits(label_names: Sequence[str] | None) -> None:
    if label_names is None or tuple(label_names) == LABEL_NAMES:
        return
    check_known(LABEL_NAMES, label_names)
    raise DataError(
        f"expected the {len(label_names)} labels of the run in their order, got the {len(LABEL_NAMES)} of digits"
    )


def _unknown(source: str, kind: str) -> str:
    kinds = [form.partition(":")[0] for form in SOURCES]
    near = difflib.get_close_matches(kind.lower(), kinds, n=1, cutoff=0.5)
    hint = f"; did you mean {SOURCES[kinds.index(near[0])]}?" if near else ""
    if kind == source and (form := _HINTS.get(Path(source).suffix.lower())):
        hint = f"; did you mean {form.replace('{}', source)}?"
    elif kind == source and Path(source).is_dir():
        hint = f"; did you mean listing:{source} (a folder for each label)?"
    return f"expected a source {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, got {quoted(source)}{hint}"
