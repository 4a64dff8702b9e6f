"""Tables in CSV files."""

import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lopsided.data.cells import parse_flag, parse_names, parse_split
from lopsided.data.columns import Roles, assign_roles, check_unknown, labels_of_rows
from lopsided.data.errors import DataError, quoted
from lopsided.data.regular_file import read_bytes
from lopsided.data.table import Table, float32_features


@dataclass
class _Content:
    numbers: array = field(default_factory=lambda: array("d"))
    positives: list[list[str]] = field(default_factory=list)
    unknown: list[list[str]] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)


def read_csv(path: Path, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from CSV, UTF-8, separated by commas; the columns mean what ``read_table`` says.

    Args:
        path: The file.
        label_names: Labels of a run, if it is to be applied to the table.

    Returns:
        All rows in their order.

    Raises:
        DataError: The file is no such table; the message names the line.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError("wanted text in UTF-8, got other bytes", path=path, line=line) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, None)
        if not names:
            raise ValueError("wanted a first line of column names, got none")
        roles = assign_roles(names, needs_labels=label_names is None)
        content = _read_rows(reader, names, roles)
    except (ValueError, csv.Error) as error:
        raise DataError(str(error), path=path, line=max(reader.line_num, 1)) from None
    if not content.positives:
        raise DataError("wanted rows below the column names, got none", path=path)
    numbers = np.asarray(content.numbers).reshape(len(content.positives), len(roles.features))
    try:
        return Table(
            name=path.stem,
            features=float32_features(numbers),
            labels=labels_of_rows(content.positives, content.unknown, roles, label_names=label_names),
            splits=np.array(content.splits),
            feature_names=tuple(names[i] for i in roles.features),
        )
    except DataError as error:
        raise DataError(str(error), path=path) from None


def _read_rows(reader: Iterator[list[str]], names: list[str], roles: Roles) -> _Content:
    content = _Content()
    for row in reader:
        if not row:  # a blank line
            continue
        if len(row) != len(names):
            raise ValueError(f"wanted {len(names)} cells, got {len(row)}")
        try:
            content.numbers.extend([float(row[i]) for i in roles.features])
        except ValueError:
            raise ValueError(_no_number(row, names, roles)) from None
        positive, unknown = _row_labels(row, roles)
        content.positives.append(positive)
        content.unknown.append(unknown)
        content.splits.append("train" if roles.split is None else parse_split(row[roles.split]))
    return content


def _no_number(row: list[str], names: list[str], roles: Roles) -> str:
    for i in roles.features:
        try:
            float(row[i])
        except ValueError:
            came = quoted(row[i]) if row[i].strip() else "an empty cell"
            return f"column {quoted(names[i])} is a feature and must hold numbers, got {came}"
    raise AssertionError("called for a row of numbers")


def _row_labels(row: list[str], roles: Roles) -> tuple[list[str], list[str]]:
    unknown = [] if roles.unknown is None else parse_names(row[roles.unknown])
    positive = [] if roles.labels is None else parse_names(row[roles.labels])
    empty = []
    for name, i in roles.label_columns.items():
        try:
            flag = parse_flag(row[i])
        except ValueError as error:
            raise ValueError(f"label {quoted(name)}: {error}") from None
        if flag:
            positive.append(name)
        elif flag is None and name not in unknown:
            empty.append(name)
    check_unknown(positive, unknown, roles)
    return positive, unknown + empty
