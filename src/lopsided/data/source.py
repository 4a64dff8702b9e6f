"""One text that says where data comes from."""

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path

from lopsided.data.arff import read_arff
from lopsided.data.digits import LABEL_NAMES, digits
from lopsided.data.errors import DataError, quoted
from lopsided.data.labels import hide_positives
from lopsided.data.options import DataOptions
from lopsided.data.run_labels import check_known
from lopsided.data.table import Table
from lopsided.data.table_file import read_table
from lopsided.data.validation import with_validation

SOURCES = ("digits", "table:FILE", "arff:STEM")


def read_source(
    source: str, options: DataOptions | None = None, *, seed: int = 0, label_names: Sequence[str] | None = None
) -> Table:
    """Read the data that a text names.

    Args:
        source: ``digits``, ``table:FILE`` (see ``read_table``) or ``arff:STEM`` (see ``read_arff``).
        options: What to do with it; by default, what ``DataOptions()`` says. With ``validation_share=0`` and
            ``missing=0`` a table is as it lies on disk.
        seed: Decides the scenes of ``digits``, the validation samples and the hidden positives, at least 0.
        label_names: Labels of a run that is to be applied to the data, which then has exactly these, in their order;
            what the data does not say is unknown. Those of ``digits`` must be these.

    Returns:
        The table, with a ``val`` split if there is any to be had. With ``missing`` its ``truth`` holds all labels;
        validation and test keep theirs.

    Raises:
        DataError: There is no such kind of source, it cannot be read, or it has a label that the run does not know.

    Example:
        >>> read_source("digits", DataOptions(train_samples=500)).split_names
        ('train', 'val', 'test')
    """
    options = options or DataOptions()
    if seed < 0:
        raise DataError(f"seed must be at least 0, got {seed}")
    kind, place = _split(source)
    match kind:
        case "digits":
            _check_digits(label_names)
            return digits(train_samples=options.train_samples, missing=options.missing, seed=seed)
        case "table":
            table = read_table(Path(place).expanduser(), label_names=label_names)
        case _:
            table = read_arff(Path(place).expanduser(), label_names=label_names)
    table = with_validation(table, share=options.validation_share, seed=seed)
    if options.missing == 0 or "train" not in table.split_names:
        return table
    hidden = hide_positives(table.labels, table.rows("train"), share=options.missing, seed=seed)
    return dataclasses.replace(table, labels=hidden, truth=table.labels)


def _check_digits(label_names: Sequence[str] | None) -> None:
    if label_names is None or tuple(label_names) == LABEL_NAMES:
        return
    check_known(LABEL_NAMES, label_names)
    raise DataError(
        f"wanted the {len(label_names)} labels of the run in their order, got the {len(LABEL_NAMES)} of digits"
    )


def _split(source: str) -> tuple[str, str]:
    kind, colon, place = source.partition(":")
    wanted = next((form for form in SOURCES if form.partition(":")[0] == kind), None)
    if wanted is None:
        raise DataError(_unknown(source, kind))
    if (":" in wanted) != bool(place) or (":" not in wanted and colon):
        raise DataError(f"wanted {wanted}, got {quoted(source)}")
    return kind, place


def _unknown(source: str, kind: str) -> str:
    kinds = [form.partition(":")[0] for form in SOURCES]
    near = difflib.get_close_matches(kind.lower(), kinds, n=1, cutoff=0.5)
    hint = f"; did you mean {SOURCES[kinds.index(near[0])]}?" if near else ""
    if kind == source and Path(source).suffix.lower() in (".csv", ".parquet", ".npz"):
        hint = f"; did you mean table:{source}?"
    return f"wanted a source {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, got {quoted(source)}{hint}"
