"""One text that says where data comes from."""

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lopsided.data.labels import hide_positives
from lopsided.data.options import IMAGE_OPTIONS, DataOptions
from lopsided.data.readers.arff.reader import read_arff
from lopsided.data.readers.coco.reader import read_coco
from lopsided.data.readers.digits import digits
from lopsided.data.readers.listing.reader import read_listing
from lopsided.data.readers.nus_wide.reader import read_nus_wide
from lopsided.data.readers.open_images.reader import read_open_images
from lopsided.data.readers.svmlight.reader import read_svmlight
from lopsided.data.readers.table.reader import read_table
from lopsided.data.readers.text.reader import read_text
from lopsided.data.readers.voc.reader import read_voc
from lopsided.data.run_labels import aligned
from lopsided.data.samples import Samples
from lopsided.data.validation import with_validation
from lopsided.files.errors import DataError, quoted

Data: TypeAlias = Samples
"""What a reader gives."""


@dataclass(frozen=True)
class Source:
    """A kind of source.

    Args:
        kind: Word before the colon.
        place: What stands behind it, in one word; empty where nothing does.
        read: From a path, or from nothing without a place, to data. The options that it takes are its parameters.
        endings: Of the names of files that are probably meant for it, where somebody forgot the kind.
        holds: What tells it from the others with such endings.
        of_images: Whether it gives image files, so that it takes ``IMAGE_OPTIONS`` too.
    """

    kind: str
    place: str
    read: Callable[..., Data]
    endings: tuple[str, ...] = ()
    holds: str = ""
    of_images: bool = False

    @property
    def form(self) -> str:
        """As it is written, such as ``coco:DIR``."""
        return f"{self.kind}:{self.place}" if self.place else self.kind

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of what its reader takes, but for the place."""
        return tuple(inspect.signature(self.read).parameters)[bool(self.place) :]

    def takes(self, option: str) -> bool:
        """Whether an option of ``DataOptions`` does something with it."""
        return option in self.parameters or (self.of_images and option in IMAGE_OPTIONS)


_SOURCES = (
    Source("digits", "", digits),
    Source("listing", "FILE", read_listing, (".csv", ".parquet", ".tsv", ".jsonl", ".ndjson"), "paths of images", True),
    Source("coco", "DIR", read_coco, of_images=True),
    Source("voc", "DIR", read_voc, of_images=True),
    Source("nus-wide", "DIR", read_nus_wide, of_images=True),
    Source("open-images", "DIR", read_open_images, of_images=True),
    Source("svmlight", "FILE", read_svmlight, (".svm", ".libsvm", ".svmlight")),
    Source("table", "FILE", read_table, (".csv", ".parquet", ".npz"), "features"),
    Source("text", "FILE", read_text, (".jsonl", ".ndjson"), "texts"),
    Source("arff", "STEM", read_arff),
)

SOURCES = tuple(source.form for source in _SOURCES)


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
            what the data does not say is unknown.

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
    name, place = split_source(source)
    reader = _named(name)
    settings: dict[str, Any] = {"train_samples": options.train_samples, "seed": seed, **_given(reader, options)}
    if label_names is not None:
        settings["label_names"] = label_names
    settings = {name: value for name, value in settings.items() if name in reader.parameters}
    data = reader.read(*([Path(place).expanduser()] if place else []), **settings)
    if label_names is not None:
        try:
            data = dataclasses.replace(data, labels=aligned(data.labels, label_names))
        except DataError as error:
            raise DataError(str(error), path=place or name) from None
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
    return text.partition(":")[0] in {source.kind for source in _SOURCES}


def split_source(source: str) -> tuple[str, str]:
    """The kind of a source and its place, which is empty for ``digits``.

    Raises:
        DataError: There is no such kind, or the place is missing; the message names what is nearest.
    """
    kind, colon, place = source.partition(":")
    if not is_source(source):
        raise DataError(_unknown(source, kind))
    wanted = _named(kind)
    if bool(wanted.place) != bool(place) or (colon and not wanted.place):
        raise DataError(f"expected {wanted.form}, got {quoted(source)}")
    return kind, place


def for_new_data(options: DataOptions, source: str) -> DataOptions:
    """Options with which a run reads other data: in the way of its own, and whole.

    Args:
        options: Those that the run was trained with.
        source: The other data, such as ``voc:DIR``.

    Returns:
        What says how to read that kind of source, but for the year; no sample is set aside.
    """
    reader = _named(split_source(source)[0])
    ways = {name: value for name, value in options.given().items() if name in reader.parameters and name != "year"}
    return DataOptions(validation_share=0, **ways)


def _named(kind: str) -> Source:
    return next(source for source in _SOURCES if source.kind == kind)


def _given(source: Source, options: DataOptions) -> dict[str, Any]:
    """The options that were given, refused where one does nothing with the source."""
    for name, value in options.given().items():
        if not source.takes(name):
            takers = ", ".join(other.kind for other in _SOURCES if other.takes(name))
            raise DataError(f"expected no data.{name} with the source {source.kind}, got {value!r}: it is for {takers}")
    return options.given()


def _unknown(source: str, kind: str) -> str:
    near = difflib.get_close_matches(kind.lower(), [known.kind for known in _SOURCES], n=1, cutoff=0.5)
    hint = f"; did you mean {_named(near[0]).form}?" if near else ""
    meant = [known for known in reversed(_SOURCES) if Path(source).suffix.lower() in known.endings]
    if kind == source and meant:
        words = [f"{each.kind}:{source}" + f" ({each.holds})" * (len(meant) > 1) for each in meant]
        hint = f"; did you mean {' or '.join(words)}?"
    elif kind == source and Path(source).is_dir():
        hint = f"; did you mean listing:{source} (a folder for each label)?"
    return f"expected a source {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, got {quoted(source)}{hint}"
