"""Tables of features and labels in files: CSV, Parquet, JSON and NPZ."""

from collections.abc import Sequence
from pathlib import Path

from lopsided.data.readers.columns.meaning import Meaning
from lopsided.data.readers.columns.roles import Said
from lopsided.data.readers.table.csv import read_csv
from lopsided.data.readers.table.npz import read_npz
from lopsided.data.readers.table.parquet import read_json_table, read_parquet
from lopsided.data.table import Table
from lopsided.files.errors import DataError, nearest, quoted


def read_table(
    path: str | Path,
    *,
    label_names: Sequence[str] | None = None,
    separator: str | None = None,
    no_label: str | None = None,
    blank: str | None = None,
    uncertain: str | None = None,
    labels_column: str | None = None,
    label_columns: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    weight_column: str | None = None,
    ignored_columns: str | None = None,
) -> Table:
    """Read features and labels from one file.

    CSV, Parquet and JSON: a column ``labels`` of names joined by ``|`` (but for CSV also lists), or 0/1 columns
    ``label:NAME``, empty or ``?`` where unknown; optional columns ``split`` (train, val, test; without it all is train)
    and ``unknown`` (label names joined by ``|``). Every other column is a feature and holds numbers; in Parquet it may
    hold lists of them, all of one length. NPZ: arrays ``features`` and ``labels`` (0/1), optional ``label_names`` (else
    ``label 0``, ``label 1``, ...), ``split`` and ``mask`` (True where known). Wide features may be sparse:
    ``features_data``, what is not 0, with ``features_indices``, ``features_indptr`` and perhaps ``features_shape``,
    then replace ``features``, and a network never gets them written out. Many labels may be sparse.
    ``labels_indices``, the numbers of the positive labels, sample after sample, and ``labels_indptr``, where each
    sample begins among them, then replace ``labels``; ``unknown_indptr`` and ``_indices``, or ``negatives_indptr`` and
    ``_indices`` where nearly all is unknown, replace ``mask``; ``label_names`` is required.

    Args:
        path: The file; it ends in ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl``, ``.ndjson``, ``.json`` or ``.npz``.
        label_names: Names of labels. Where the file says nothing of labels, they are unknown; one that a column
            ``labels`` never names is negative everywhere.
        separator, no_label, blank, uncertain: How cells of labels are read, see
            :class:`lopsided.data.readers.columns.meaning.Meaning`.
        labels_column, label_columns, split_column, group_column, weight_column, ignored_columns: Which columns these
            are, see :class:`lopsided.data.readers.columns.roles.Said`.

    Returns:
        All rows in their order.

    Raises:
        DataError: The file is missing, of another kind or no such table.
    """
    path = Path(path)
    said = Said(None, labels_column, label_columns, split_column, group_column, ignored_columns, weight_column)
    meaning = Meaning(separator, no_label, blank, uncertain)
    if not path.is_file():
        near = nearest(path.name, _names_in(path.parent))
        raise DataError(f"expected a file, got {f'only {near} there' if near else 'none'}", path=path)
    try:
        match path.suffix.lower():
            case ".csv" | ".tsv":
                return read_csv(path, said, meaning, label_names=label_names)
            case ".parquet":
                return read_parquet(path, said, meaning, label_names=label_names)
            case ".jsonl" | ".ndjson" | ".json":
                return read_json_table(path, said, meaning, label_names=label_names)
            case ".npz":
                for name, value in (vars(said) | vars(meaning)).items():
                    if value is not None and label_names is None:  # options of a run may be meant for other files
                        raise DataError(f"expected no data.{name} with NPZ, got {value!r}", path=path)
                return read_npz(path, label_names=label_names)
            case suffix:
                raise DataError(
                    f"expected a file .csv, .tsv, .parquet, .jsonl, .json or .npz, got {quoted(suffix)}", path=path
                )
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
