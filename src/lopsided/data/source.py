"""One text that says where data comes from."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lopsided.data.catalogue import KINDS, SOURCES, Source, is_source
from lopsided.data.derived.hidden import Hidden
from lopsided.data.options import DataOptions
from lopsided.data.readers.run_labels import aligned
from lopsided.data.samples import Samples
from lopsided.data.splits.folds import with_fold
from lopsided.data.splits.validation import with_test, with_validation
from lopsided.files.errors import DataError, did_you_mean, quoted

Data: TypeAlias = Samples
"""What a reader gives."""


def read_source(
    source: str, options: DataOptions | None = None, *, seed: int = 0, label_names: Sequence[str] | None = None
) -> Data:
    """Read the data that a text names.

    Args:
        source: ``digits``, or a kind and a place such as ``coco:DIR``; see ``SOURCES`` and the reader of each.
        options: What to do with it; by default, what ``DataOptions()`` says. With ``validation_share=0`` and
            ``missing=0`` and ``unknown=0`` the data is as it lies on disk.
        seed: Decides the scenes of ``digits``, the validation samples and the hidden labels, at least 0.
        label_names: Labels of a run that is to be applied to the data, which then has exactly these, in their order;
            what the data does not say is unknown.

    Returns:
        A table, or a manifest of image files, with a ``val`` split if there is any to be had. With ``missing`` or
        ``unknown`` its ``truth`` holds all labels; validation and test keep theirs.

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
    if options.fold is not None:
        data = with_fold(data, options.fold)
    data = with_test(data, share=options.test_share, seed=seed)
    data = with_validation(data, share=options.validation_share, seed=seed)
    hidden = Hidden(options.missing, options.unknown)
    if not any(hidden) or "train" not in data.split_names:
        return data
    return dataclasses.replace(
        data, labels=hidden.applied(data.labels, data.rows("train"), seed=seed), truth=data.labels
    )


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
    ways = {
        name: value
        for name, value in options.given().items()
        if name in reader.parameters and name not in ("year", "weight_column")
    }
    return DataOptions(validation_share=0, **ways)


def _named(kind: str) -> Source:
    return next(source for source in KINDS if source.kind == kind)


def _given(source: Source, options: DataOptions) -> dict[str, Any]:
    """The options that were given, refused where one does nothing with the source."""
    for name, value in options.given().items():
        if not source.takes(name):
            takers = ", ".join(other.kind for other in KINDS if other.takes(name))
            raise DataError(f"expected no data.{name} with the source {source.kind}, got {value!r}: it is for {takers}")
    return options.given()


def _unknown(source: str, kind: str) -> str:
    hint = did_you_mean(kind, [known.kind for known in KINDS], lambda near: _named(near).form)
    meant = [known for known in reversed(KINDS) if Path(source).suffix.lower() in known.endings]
    if kind == source and meant:
        words = [f"{each.kind}:{source}" + f" ({each.holds})" * (len(meant) > 1) for each in meant]
        hint = f"; did you mean {' or '.join(words)}?"
    elif kind == source and Path(source).is_dir():
        marked = [f"{known.kind}:{source}" for known in KINDS if known.mark and any(Path(source).glob(known.mark))]
        hint = f"; did you mean {' or '.join(marked) or f'listing:{source} (a folder for each label)'}?"
    return f"expected a source {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, got {quoted(source)}{hint}"
