"""What Hugging Face's data sets write into Parquet: names of numbered classes, and images as bytes."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.files.errors import DataError, RowError, quoted
from lopsided.files.whole import folder_for

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = ".whole"  # a file beside the images, once all of them are written


def with_class_names(column: "pa.ChunkedArray", name: str, path: Path) -> "pa.ChunkedArray | pa.Array":
    """A column of lists of class numbers as lists of their names, where the file has them; others as they are.

    Args:
        column: The column.
        name: Its name.
        path: The Parquet file, in whose metadata the names stand.

    Raises:
        ValueError: A number has no name.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = column.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_list or not types.is_integer(kind.value_type) or not (names := _class_names(path, name)):
        return column
    lists = column.combine_chunks()
    numbers = pc.list_flatten(lists)
    wrong = pc.invert(pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names))))
    if pc.any(wrong).as_py():
        number = numbers[pc.index(wrong, True).as_py()].as_py()
        raise ValueError(f"expected numbers of {len(names)} classes in column {quoted(name)}, got {number}")
    return pa.array([None if row is None else [names[k] for k in row] for row in lists.to_pylist()])


def _class_names(path: Path, column: str) -> list[str] | None:
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        metadata = pq.read_schema(file).metadata or {}
    try:
        found: Any = json.loads(metadata[b"huggingface"])["info"]["features"][column]
        part = found[0] if isinstance(found, list) else found["feature"]
        names = part["names"]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def holds_images(column: "pa.ChunkedArray") -> bool:
    """Whether a column holds images themselves: a struct with ``bytes``."""
    import pyarrow.types as types

    return types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0


def stored_images(column: "pa.ChunkedArray", path: Path) -> tuple[Path, np.ndarray]:
    """Write the images of a column to a folder of their own, once, and give it with their paths below it.

    The folder lies in ``lopsided/images`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``, and is called by the contents.

    Args:
        column: A struct with ``bytes`` and perhaps ``path``, whose ending the image keeps.
        path: The Parquet file, for errors.

    Raises:
        RowError: A row has no bytes.
        DataError: The images cannot be written.
    """
    digest, names = hashlib.sha256(), np.empty(len(column), dtype=np.dtypes.StringDType())
    for row, cell in enumerate(column):
        content = cell["bytes"].as_py() if cell.is_valid else None
        if content is None:
            raise RowError(row, "expected an image as bytes, got none")
        called = cell["path"].as_py() if column.type.get_field_index("path") >= 0 else None
        ending = Path(called or "").suffix.lower()
        names[row] = f"{row:07}{ending if ending in IMAGE_SUFFIXES else '.img'}"
        digest.update(hashlib.sha256(content).digest())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lopsided" / "images"
    folder = cache / f"{path.stem}-{digest.hexdigest()[:16]}"
    if not (folder / _WHOLE).is_file():
        _write(column, names, folder)
    return folder, names


def _write(column: "pa.ChunkedArray", names: np.ndarray, folder: Path) -> None:
    from tqdm import tqdm

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder_for(folder) as part:
            for row, cell in enumerate(tqdm(column, desc="images", unit="file", disable=None, leave=False)):
                (part / str(names[row])).write_bytes(cell["bytes"].as_py())
            (part / _WHOLE).touch()
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
    except OSError as error:
        raise DataError(f"the images cannot be written: {error.strerror}", path=folder) from error
