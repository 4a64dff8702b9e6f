"""Data sets of the Mulan collection: ``STEM-train*.arff``, ``STEM-test*.arff`` and ``STEM.xml``."""

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array, vstack

from lopsided.data.arff_columns import features_of, labels_of
from lopsided.data.arff_file import ArffFile, read_arff_file
from lopsided.data.errors import DataError, quoted
from lopsided.data.label_xml import read_label_names
from lopsided.data.run_labels import aligned, check_known, unlabelled
from lopsided.data.table import Table


def read_arff(stem: str | Path, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a Mulan data set, whose XML file says which attributes are labels.

    Features are the numeric attributes; nominal ones with the values 0 and 1, as that number; other nominal ones, as
    one column ``NAME=VALUE`` per value. Text attributes are left out. A label is positive at its value 1, yes, true,
    pos or positive, else at the last of its two values, and unknown at ``?``.

    Args:
        stem: Folder and beginning of the file names, ``data/Corel5k``, in upper or lower case. Without a train file,
            ``STEM.arff`` is read, all of it ``train``.
        label_names: Labels of a run that is to be applied to the data, whose labels are then exactly these, in their
            order. The XML file may then be missing, and a label that is no attribute is unknown everywhere.

    Returns:
        Features as a ``csr_array`` when they are many and mostly 0, else as an array.

    Raises:
        DataError: A file is missing or malformed, a feature is ``?``, the headers differ, a label is no attribute, or
            a run does not know it.
    """
    name, xml, parts = _find_files(Path(stem), needs_xml=label_names is None)
    names = _declared(xml, label_names)
    files = {split: read_arff_file(path) for split, path in parts.items()}
    first, *others = files.values()
    for other in others:
        _check_same_header(first, other)
    if label_names is not None:
        attributes = {attribute.name for attribute in first.attributes}
        names = tuple(name for name in names if name in attributes)
    _check_labels(first, names, xml)
    for file in files.values():
        _check_values(file, names)
    rows = coo_array(vstack([file.rows for file in files.values()]))
    splits = np.concatenate([np.full(len(file.lines), split) for split, file in files.items()])
    features, feature_names = features_of(rows, first.attributes, names)
    if label_names is None:
        labels = labels_of(rows, first.attributes, names)
    elif names:
        labels = aligned(labels_of(rows, first.attributes, names), label_names)
    else:
        labels = unlabelled(label_names, samples=len(splits))
    return Table(name, features, labels, splits, feature_names=feature_names)


def _find_files(stem: Path, *, needs_xml: bool) -> tuple[str, Path | None, dict[str, Path]]:
    if stem.suffix.lower() in (".arff", ".xml"):
        stem = stem.with_suffix("")
    folder, name = stem.parent, stem.name
    try:
        files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".arff", ".xml")]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=folder) from error
    found = {split: _best_match(files, name, f"-{split}") for split in ("train", "test")}
    if found["train"] is None:
        found = {"train": _best_match(files, name, "")}
    parts = {split: path for split, path in found.items() if path is not None}
    if not parts:
        raise DataError(f"wanted {name}-train*.arff or {name}.arff, got {_what_is_there(files, name)}", path=folder)
    xml = next((path for path in files if path.name.lower() == f"{name}.xml".lower()), None)
    if xml is None and needs_xml:
        raise DataError(f"wanted {name}.xml, which names the labels, got {_what_is_there(files, name)}", path=folder)
    return xml.stem if xml else name, xml, parts


def _best_match(files: list[Path], name: str, part: str) -> Path | None:
    """Of the files that fit, the one that also fits in case, else the one without an addition such as ``-sparse``."""
    start, rest = f"{name}{part}", ".arff" if not part else ""
    fitting = [p for p in files if p.suffix.lower() == ".arff" and p.name.lower().startswith(f"{start}{rest}".lower())]
    fitting = [p for p in fitting if p.name.startswith(start)] or fitting
    fitting = [p for p in fitting if p.stem.lower() == start.lower()] or fitting
    if len(fitting) > 1:
        names = ", ".join(p.name for p in fitting)
        raise DataError(f"wanted one file {start}*.arff, got {names}", path=fitting[0].parent)
    return fitting[0] if fitting else None


def _what_is_there(files: list[Path], name: str) -> str:
    near = difflib.get_close_matches(name, [path.name for path in files], n=3, cutoff=0.3)
    return ", ".join(near or [path.name for path in files[:3]]) or "no ARFF or XML file"


def _check_same_header(first: ArffFile, other: ArffFile) -> None:
    if first.attributes == other.attributes:
        return
    pairs = zip(first.attributes, other.attributes, strict=False)
    differing = next(((a, b) for a, b in pairs if a != b), None)
    if differing is None:
        wanted, came = f"{len(first.attributes)} attributes", str(len(other.attributes))
    else:
        wanted, came = (quoted(f"{a.name} {a.kind} {','.join(a.values)}".strip()) for a in differing)
    raise DataError(f"wanted the attributes of {first.path.name}, there {wanted}, got {came}", path=other.path)


def _declared(xml: Path | None, label_names: Sequence[str] | None) -> tuple[str, ...]:
    """Labels that the XML file names; those of the run where there is no such file."""
    if xml is None:
        return tuple(label_names or ())
    declared = read_label_names(xml)
    try:
        if label_names is not None:
            check_known(declared, label_names)
    except DataError as error:
        raise DataError(str(error), path=xml) from None
    return declared


def _check_labels(file: ArffFile, label_names: tuple[str, ...], xml: Path | None) -> None:
    occurrences = Counter(attribute.name for attribute in file.attributes)
    for name in label_names:
        if name not in occurrences:
            raise DataError(f"wanted only attributes of {file.path.name}, got the label {quoted(name)}", path=xml)
        if occurrences[name] > 1:
            raise DataError(f"label {quoted(name)} must be one attribute, got {occurrences[name]}", path=file.path)
    wanted = set(label_names)
    for attribute in file.attributes:
        if attribute.name in wanted and (attribute.kind == "string" or len(attribute.values) > 2):
            came = ",".join(attribute.values) or attribute.kind
            raise DataError(f"label {quoted(attribute.name)} must have two values, got {quoted(came)}", path=file.path)


def _check_values(file: ArffFile, label_names: tuple[str, ...]) -> None:
    rows = file.rows.tocoo()
    wanted = set(label_names)
    of_label = np.array([attribute.name in wanted for attribute in file.attributes])[rows.col]
    numeric = np.array([attribute.kind == "numeric" for attribute in file.attributes])[rows.col]
    no_feature = ~of_label & ~np.isfinite(rows.data)
    no_label = of_label & numeric & ~np.isin(rows.data, (0, 1)) & ~np.isnan(rows.data)
    for wrong, what in ((no_feature, "a value of feature"), (no_label, "0, 1 or ? for label")):
        if wrong.any():
            at = int(np.argmax(wrong))
            name, value = quoted(file.attributes[rows.col[at]].name), rows.data[at]
            came = "?" if np.isnan(value) else f"{value:g}"
            raise DataError(f"wanted {what} {name}, got {came}", path=file.path, line=int(file.lines[rows.row[at]]))
