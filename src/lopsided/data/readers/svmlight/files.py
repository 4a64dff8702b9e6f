"""Which files a data set in the text form of LibSVM consists of."""

import re
from pathlib import Path

from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted

_ENDINGS = (".txt", ".svm", ".libsvm", ".svmlight", ".dat")
_WORDS = {"train": "train", "trn": "train", "val": "val", "valid": "val", "dev": "val", "test": "test", "tst": "test"}
_PART = re.compile(r"(?:(.*)[-_.])?(" + "|".join(_WORDS) + ")", re.IGNORECASE)


def parts_of(path: Path) -> tuple[str, dict[str, Path]]:
    """The name of a data set, and the file of each of its splits.

    Args:
        path: A file, which is ``train``; or a folder, or the beginning of names in one, where the files of splits lie.

    Raises:
        DataError: There is no such file, no ``train`` among several, or two of one split.
    """
    if path.is_file():
        return path.stem, {"train": path}
    folder, stem = (path, None) if path.is_dir() else (path.parent, path.name)
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _ENDINGS)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=folder) from error
    found: dict[str, Path] = {}
    for entry in entries:
        match = _PART.fullmatch(entry.stem)
        if match is None or (stem is not None and (match[1] or "") != stem):
            continue
        split = _WORDS[match[2].lower()]
        if split in found:
            raise DataError(
                f"expected one file of the split {split}, got {found[split].name} and {entry.name}: name the "
                f"beginning of one, such as svmlight:{folder / (match[1] or entry.stem)}",
                path=folder,
            )
        found[split] = entry
    if "train" not in found:
        wanted = "train.txt, test.txt or NAME_train.txt" if stem is None else f"{stem} or {stem}_train.txt"
        there = ", ".join(entry.name for entry in entries[:5]) or "none such"
        raise DataError(f"expected {wanted}, got {quoted(there) if entries else there}", path=folder)
    return (stem or path.name), {split: found[split] for split in USUAL_SPLITS if split in found}
