"""Paths of image files: below one folder, with ``/`` between their parts, each once."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.cell_values import MISSING
from lopsided.data.images.files import relative_path
from lopsided.files.errors import DataError, RowError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 100_000  # paths that are Python objects at the same time
# Paths that are absolute, lead upwards, or can be written in a shorter way.
_IRREGULAR = r"^/|^[A-Za-z]:|//|/$|(^|/)\.{1,2}(/|$)|\x00"


def relative_paths(texts: "pa.LargeStringArray", folder: Path) -> np.ndarray:
    r"""Bring paths into the form that a manifest holds.

    Args:
        texts: Paths that start from the folder, or absolute ones within it, with ``/`` or ``\`` between their parts.
        folder: Where the listing lies.

    Returns:
        The same paths, relative to the folder, StringDType.

    Raises:
        ValueError: A path is empty, leads out of the folder, or occurs twice; the message names the rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.replace_substring(texts, "\\", "/")
    for start in {f"{place.as_posix().rstrip('/')}/" for place in (folder.absolute(), folder.resolve())}:
        inside = pc.starts_with(texts, start)
        texts = pc.if_else(inside, pc.utf8_slice_codeunits(texts, len(start)), texts)
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    absent = pc.is_in(plain, pa.array(["", *MISSING], pa.large_string()))
    if pc.any(absent).as_py():
        row = pc.index(absent, True).as_py()
        came = f"{quoted(texts[row].as_py())}, a word for a missing value" if plain[row].as_py() else "an empty cell"
        raise RowError(row, f"expected the path of an image, got {came}")
    irregular = pc.match_substring_regex(texts, _IRREGULAR)
    if pc.any(irregular).as_py():
        rows = np.flatnonzero(irregular.to_numpy(zero_copy_only=False)).tolist()
        plain = [_relative(texts[row].as_py(), row) for row in rows]
        texts = pc.replace_with_mask(texts, irregular, pa.array(plain, pa.large_string()))
    _check_distinct(texts)
    return string_array(texts)


def string_array(texts: "pa.LargeStringArray") -> np.ndarray:
    """Texts as an array of texts of variable length, shape (n,)."""
    found = np.empty(len(texts), dtype=np.dtypes.StringDType())
    for start in range(0, len(texts), _CHUNK):
        found[start : start + _CHUNK] = np.array(texts.slice(start, _CHUNK).to_pylist(), dtype=found.dtype)
    return found


def _relative(text: str, row: int) -> str:
    try:
        return relative_path(text)
    except DataError as error:
        hint = "; put the listing into a folder above all images" if "stays" in str(error) else ""
        raise RowError(row, f"{error}{hint}") from None


def _check_distinct(texts: "pa.LargeStringArray") -> None:
    encoded = texts.dictionary_encode()
    if len(encoded.dictionary) == len(texts):
        return
    positions = encoded.indices.to_numpy()
    first = np.unique(positions, return_index=True)[1]
    again = int(np.setdiff1d(np.arange(len(texts)), first)[0])
    before = int(first[positions[again]])
    raise ValueError(
        f"expected each image once, got {quoted(texts[again].as_py())} in rows {before} and {again} (from 0)"
    )
