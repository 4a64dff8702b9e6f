"""CheXpert of Stanford, as it is published."""

import re
from pathlib import Path
from typing import get_args

from lopsided.data.images.files import relative_path
from lopsided.data.manifest import Manifest
from lopsided.data.options import View
from lopsided.data.readers.collector import Collector
from lopsided.data.readers.columns.meaning import Flag, Meaning
from lopsided.files.csv_columns import cells_of, open_columns
from lopsided.files.csv_file import CsvFile
from lopsided.files.errors import DataError, quoted

_ORIGIN = "stanfordmlgroup.github.io/competitions/chexpert"
_TABLES = {"train": "train.csv", "val": "valid.csv", "test": "test.csv"}
_ABOUT = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")  # all other columns are labels
_FIRST = re.compile(r"CheXpert-v1\.0[^/]*", re.IGNORECASE)
_PATIENT = re.compile(r"(?:^|/)(patient\d+)/")
_VIEW = re.compile(r"view\d+_(frontal|lateral)\.[a-z]+$", re.IGNORECASE)


def read_chexpert(folder: Path, *, blank: str = "negative", uncertain: str = "unknown", view: View = "all") -> Manifest:
    """Read CheXpert: 14 observations on radiographs, in the published splits, with patients as groups.

    Args:
        folder: ``CheXpert-v1.0`` or ``CheXpert-v1.0-small``, or the folder that holds it, with ``train.csv``,
            ``valid.csv`` and perhaps ``test.csv``, at least one; paths in these begin with the folder's name.
        blank: What an empty cell, which a report does not mention, is: ``negative``, as in the paper, or ``unknown``.
        uncertain: What -1, where a report is uncertain, is: ``unknown`` (U-Ignore in the paper), ``negative`` (U-Zeros)
            or ``positive`` (U-Ones); for some labels otherwise: ``negative,Edema=positive``.
        view: ``frontal``, ``lateral`` or ``all`` images.

    Returns:
        Images in the order of the tables, with labels in the order of the columns.

    Raises:
        DataError: No table is there, one is malformed or has other labels than the first, or all images are missing.

    Source: Irvin et al., CheXpert, AAAI 2019.
    """
    if view not in get_args(View):
        raise DataError(f"expected view to be one of {', '.join(get_args(View))}, got {view!r}")
    place = _place(folder)
    found, names, counts = Collector(place, place), None, [0, 0]
    for split, file_name in _TABLES.items():
        if not (place / file_name).is_file():
            continue
        table = open_columns(place / file_name, _ABOUT[:1], origin=_ORIGIN)
        labels = _labels(table)
        if names is not None and labels != names:
            other = next((name for name in {*labels} ^ {*names}), labels[0])
            wrong = f"expected the labels of the other tables in their order, got {quoted(other)} otherwise"
            raise DataError(wrong, path=table.path, line=table.first_line)
        names = labels
        try:
            flags = Meaning(blank=blank, uncertain=uncertain).flags(labels)
        except ValueError as error:
            raise DataError(str(error), path=table.path) from None
        _add_rows(found, table, flags, split=split, view=view, counts=counts)
    notes = [f"{counts[0]} of {sum(counts)} images are left out (--data.view {view})"] * bool(counts[0])
    return found.manifest("CheXpert", label_names=names or (), is_whole=True, notes=notes)


def _place(folder: Path) -> Path:
    """The folder itself, or the one below it, that holds the tables."""
    try:
        inner = [path for path in sorted(folder.iterdir()) if _FIRST.fullmatch(path.name)]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=folder) from error
    places = [place for place in (folder, *inner) if any((place / name).is_file() for name in _TABLES.values())]
    if not places:
        raise DataError(f"expected {', '.join(_TABLES.values())} or one of them ({_ORIGIN}), got none", path=folder)
    if len(places) > 1 and places[0] != folder:
        raise DataError(f"expected one of {' and '.join(place.name for place in places)}: name it", path=folder)
    return places[0]


def _labels(table: CsvFile) -> list[str]:
    labels = [name for name in table.names if name not in _ABOUT]
    if not labels or len(set(labels)) < len(labels):
        came = "none" if not labels else f"{quoted(next(name for name in labels if labels.count(name) > 1))} twice"
        raise DataError(f"expected a column for each label, got {came}", path=table.path, line=table.first_line)
    return labels


def _add_rows(
    found: Collector,
    table: CsvFile,
    flags: dict[str, Flag],
    *,
    split: str,
    view: View,
    counts: list[int],
) -> None:
    """Add the images of a table; ``counts`` takes how many are left out and how many are not."""
    has_view = _ABOUT[3] in table.names
    states: dict[tuple[str, str], bool | None] = {}  # of a cell in the column of a label, of which few differ
    for line, (path, *cells) in cells_of(table, [_ABOUT[0], *([_ABOUT[3]] if has_view else []), *flags]):
        try:
            image = _image(found.root, path)
            is_kept = view == "all" or _view_of(image, cells[0] if has_view else None) == view
            counts[is_kept] += 1
            read = list(zip(flags, cells[has_view:], strict=True))
            for label, cell in read:
                if (label, cell) not in states:
                    states[label, cell] = _state(flags[label], label, cell)
            if is_kept:
                positive, unknown = ([one[0] for one in read if states[one] is state] for state in (True, None))
                found.add(image, positive, unknown=unknown, split=split, group=_patient(image))
        except DataError as error:
            raise DataError(str(error), path=table.path, line=line) from None


def _image(root: Path, path: str) -> str:
    """The path below the folder of the tables, which is the one that all paths name first, unless that lies in it."""
    path = relative_path(path)
    first, _, rest = path.partition("/")
    return rest if rest and _FIRST.fullmatch(first) and not (root / first).is_dir() else path


def _patient(image: str) -> str:
    match = _PATIENT.search(image)
    if match is None:
        raise DataError(f"expected a path such as train/patient00001/study1/view1_frontal.jpg, got {quoted(image)}")
    return match[1]


def _view_of(image: str, cell: str | None) -> str:
    match = _VIEW.search(image)
    said = cell.lower() if cell is not None else match[1].lower() if match else ""
    if said not in ("frontal", "lateral"):
        came = quoted(image if cell is None else cell)
        raise DataError(f"expected Frontal or Lateral, got {came}; --data.view all reads images of any view")
    return said


def _state(flag: Flag, label: str, cell: str) -> bool | None:
    try:
        return flag.read(cell)
    except ValueError as error:
        raise DataError(f"column {quoted(label)}: {error}") from None
