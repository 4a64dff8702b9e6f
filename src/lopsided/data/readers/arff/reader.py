"""Data sets of the Mulan collection and of MEKA: ``STEM-train*.arff``, ``STEM-test*.arff`` and ``STEM.xml``."""

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array, vstack

from lopsided.data.readers.arff.columns import features_of, labels_of
from lopsided.data.readers.arff.file import ArffFile, read_arff_file
from lopsided.data.readers.arff.label_xml import read_label_names
from lopsided.data.readers.arff.meka import labels_of_meka, splits_of_meka
from lopsided.data.readers.arff.values import positive_codes
from lopsided.data.readers.run_labels import unlabelled
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.data.table import Table
from lopsided.files.errors import DataError, quoted


def read_arff(stem: str | Path, *, positive: str | None = None, label_names: Sequence[str] | None = None) -> Table:
    """Read a data set of Mulan, whose XML file says which attributes are labels, or of MEKA, whose relation does.

    Features are the numeric attributes; nominal ones with the values 0 and 1, as that number; other nominal ones, as
    one column ``NAME=VALUE`` per value. Text attributes are left out. A label's two values are a pair that is known,
    such as 0 and 1, -1 and 1, no and yes or F and T, or ``positive`` tells them; ``?`` is unknown.

    Args:
        stem: Folder and beginning of the file names ``STEM-train*.arff``, ``-val*`` and ``-test*``, such as
            ``data/Corel5k``, in upper or lower case. Without a train file, ``STEM.arff`` is read, as ``train`` unless
            its relation names a split (``-split-number``, ``-split-percentage``).
        positive: Values that mean that a sample has a label, joined by ``|``.
        label_names: Names of labels. Where no file declares labels, those that are attributes are the labels; a
            declaration may then also name labels that are no attributes.

    Returns:
        Features as a ``csr_array`` when they are many and mostly 0, else as an array.

    Raises:
        DataError: A file is missing or malformed, a feature is ``?``, the headers differ, a label is no attribute, or
            nothing says which of its values is positive.
    """
    name, xml, parts = _find_files(Path(stem))
    files = {split: read_arff_file(path) for split, path in parts.items()}
    first, *others = files.values()
    for other in others:
        _check_same_header(first, other)
    names = _declared(name, list(files.values()), xml, label_names)
    if label_names is not None:
        attributes = {attribute.name for attribute in first.attributes}
        names = tuple(name for name in names if name in attributes)
    _check_labels(first, names, xml)
    codes = positive_codes(first, names, positive=positive)
    for file in files.values():
        _check_values(file, names)
    rows = coo_array(vstack([file.rows for file in files.values()]))
    splits = _splits(files)
    features, feature_names = features_of(rows, first.attributes, names)
    if names or label_names is None:
        labels = labels_of(rows, first.attributes, names, codes=codes)
    else:
        labels = unlabelled(label_names, samples=len(splits))
    return Table(name, features, labels, splits, feature_names=feature_names)


def _find_files(stem: Path) -> tuple[str, Path | None, dict[str, Path]]:
    if stem.suffix.lower() in (".arff", ".xml"):
        stem = stem.with_suffix("")
    folder, name = stem.parent, stem.name
    try:
        files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".arff", ".xml")]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=folder) from error
    found = {split: _best_match(files, name, f"-{split}") for split in USUAL_SPLITS}
    if found["train"] is None and (whole := _best_match(files, name, "")) is not None:
        for part in (path for path in found.values() if path is not None):
            raise DataError(f"expected {name}-train*.arff beside {part.name}, got {whole.name}", path=folder)
        found = {"train": whole}
    parts = {split: path for split, path in found.items() if path is not None}
    if "train" not in parts:
        raise DataError(f"expected {name}-train*.arff or {name}.arff, got {_what_is_there(files, name)}", path=folder)
    xml = next((path for path in files if path.name.lower() == f"{name}.xml".lower()), None)
    return xml.stem if xml else name, xml, parts


def _best_match(files: list[Path], name: str, part: str) -> Path | None:
    """The file that fits, best also in case, else without an addition such as ``-sparse``."""
    start, rest = f"{name}{part}", ".arff" if not part else ""
    fitting = [p for p in files if p.suffix.lower() == ".arff" and p.name.lower().startswith(f"{start}{rest}".lower())]
    fitting = [p for p in fitting if p.name.startswith(start)] or fitting
    fitting = [p for p in fitting if p.stem.lower() == start.lower()] or fitting
    if len(fitting) > 1:
        names = ", ".join(p.name for p in fitting)
        raise DataError(f"expected one file {start}*.arff, got {names}", path=fitting[0].parent)
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
    raise DataError(f"expected the attributes of {first.path.name}, there {wanted}, got {came}", path=other.path)


def _splits(files: dict[str, ArffFile]) -> np.ndarray:
    if len(files) == 1 and (splits := splits_of_meka(*files.values())) is not None:
        return splits
    return np.concatenate([np.full(len(file.lines), split) for split, file in files.items()])


def _declared(name: str, files: list[ArffFile], xml: Path | None, label_names: Sequence[str] | None) -> tuple[str, ...]:
    """Labels that the XML file or the relation names; where neither does, those that the caller gives."""
    file, *others = files
    of_meka = labels_of_meka(file)
    for other in others:
        if labels_of_meka(other) != of_meka:
            came = f"{quoted(file.relation)} and {quoted(other.relation)}"
            raise DataError(f"expected the -C of {file.path.name} in the relation, got {came}", path=other.path)
    if xml is None and of_meka is None:
        if label_names is None:
            raise DataError(
                f"expected {name}.xml, which names the labels, or a relation that does, such as 'Mood: -C 3' of MEKA "
                f"(the first 3 attributes; -C -3: the last 3), got {quoted(file.relation)} in {file.path.name}",
                path=file.path.parent,
            )
        return tuple(label_names)
    declared = of_meka if xml is None else read_label_names(xml)
    assert declared is not None
    if of_meka is not None and set(of_meka) != set(declared):
        odd = sorted(set(of_meka) ^ set(declared))
        raise DataError(
            f"expected the {len(of_meka)} labels that -C in the relation of {file.path.name} says, got others: "
            f"{quoted(odd[0])} is a label of one of the two alone",
            path=xml,
        )
    return declared


def _check_labels(file: ArffFile, label_names: tuple[str, ...], xml: Path | None) -> None:
    occurrences = Counter(attribute.name for attribute in file.attributes)
    for name in label_names:
        if name not in occurrences:
            raise DataError(f"expected only attributes of {file.path.name}, got the label {quoted(name)}", path=xml)
        if occurrences[name] > 1:
            raise DataError(
                f"expected label {quoted(name)} to be one attribute, got {occurrences[name]}", path=file.path
            )


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
            raise DataError(f"expected {what} {name}, got {came}", path=file.path, line=int(file.lines[rows.row[at]]))
