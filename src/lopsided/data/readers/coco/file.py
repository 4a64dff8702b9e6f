"""One file of annotations in COCO's format, reduced to which image shows what."""

import dataclasses
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.data.cell_values import one_form
from lopsided.data.images.files import relative_path
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import check_regular

_PARTS = ("images", "annotations", "categories")


@dataclass(frozen=True, eq=False)
class CocoFile:
    """What a file says; images are numbered from 0 in its order, categories in the order of their identifiers.

    Args:
        path: The file.
        categories: Identifier to name, ascending.
        groups: Categories that are a supercategory of others and have no annotation.
        image_paths: Paths of the images, each once, relative to a folder that the file does not name. An image with
            several identifiers has the annotations of all of them.
        annotated: Bool, shape (images,), True where an image has an annotation, counted or not.
        rows: Image of each annotation that counts, int64, shape (annotations,).
        columns: Category of each annotation that counts, int64, shape (annotations,).
    """

    path: Path
    categories: dict[Any, str]
    groups: frozenset[Any]
    image_paths: list[str]
    annotated: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    def only_annotated(self) -> "CocoFile":
        """Leave out the images that have no annotation."""
        numbers = np.cumsum(self.annotated) - 1
        kept = np.flatnonzero(self.annotated)
        return dataclasses.replace(
            self,
            image_paths=[self.image_paths[i] for i in kept.tolist()],
            annotated=self.annotated[kept],
            rows=numbers[self.rows],
        )


def read_coco_file(path: Path, *, crowd: bool = True, min_area: float = 0.0) -> CocoFile:
    """Read a file of instances: ``images``, ``annotations`` and ``categories``.

    Args:
        path: The file; identifiers are whole numbers or texts.
        crowd: Whether annotations of groups of objects (``iscrowd``) count.
        min_area: Annotations below this area do not count, square pixels of the original image: ``area``, else width
            times height of ``bbox``.

    Raises:
        DataError: The file cannot be read, is of another kind, or contradicts itself.
    """
    content = _load(path)
    try:
        return _reduced(path, content, crowd=crowd, min_area=min_area)
    except DataError as error:
        raise DataError(str(error), path=path) from None


def _load(path: Path) -> Any:
    check_regular(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            return json.load(file, object_hook=_without_outline)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except RecursionError:
        raise DataError("expected JSON, got lists in lists without end", path=path) from None
    except ValueError as error:
        raise DataError(f"expected JSON, got {error!s:.100}; is the file complete?", path=path) from None


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    """Drop the outlines, nine tenths of the file, one by one, so that they never fill the memory."""
    entry.pop("segmentation", None)
    return entry


def _reduced(path: Path, content: Any, *, crowd: bool, min_area: float) -> CocoFile:
    _check_kind(content)
    images, annotations, categories = (_entries(content, part) for part in _PARTS)
    names, supercategories = _names(categories)
    image_paths, row_of = _images(images)
    column_of = {identifier: i for i, identifier in enumerate(names)}
    rows = _found(annotations, "image_id", row_of, "images")
    columns = _found(annotations, "category_id", column_of, "categories")
    annotated = np.zeros(len(image_paths), dtype=bool)
    annotated[rows] = True
    used = set(np.unique(columns).tolist())
    counted = _counted(annotations, crowd=crowd, min_area=min_area)
    return CocoFile(
        path,
        categories=names,
        groups=frozenset(identifier for identifier in supercategories if column_of[identifier] not in used),
        image_paths=image_paths,
        annotated=annotated,
        rows=rows[counted],
        columns=columns[counted],
    )


def _check_kind(content: Any) -> None:
    """Refuse the other files that lie beside those of instances, told by what only they hold."""
    if not isinstance(content, dict):
        came = "a list" if isinstance(content, list) else quoted(content)
    elif "caption" in _first(content, "annotations"):
        came = "captions"
    elif "segments_info" in _first(content, "annotations"):
        came = "panoptic segments"
    elif "keypoints" in _first(content, "categories") and len(content["categories"]) == 1:
        came = "keypoints"
    elif any(part not in content for part in _PARTS):
        came = f"only {quoted(', '.join(content))}"
    else:
        return
    raise DataError(f"expected instances of objects, with {', '.join(_PARTS)}, got {came}")


def _first(content: dict[str, Any], part: str) -> dict[str, Any]:
    entries = content.get(part)
    return entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}


def _entries(content: dict[str, Any], part: str) -> list[dict[str, Any]]:
    entries = content[part]
    wrong = [entry for entry in entries if not isinstance(entry, dict)] if isinstance(entries, list) else [entries]
    if wrong:
        raise DataError(f"expected {part} to be a list of objects, got {quoted(wrong[0])}")
    if not entries and part != "annotations":
        raise DataError(f"expected at least one entry in {part}, got none")
    return entries


def _values(entries: Sequence[dict[str, Any]], part: str, key: str, kind: type | tuple[type, ...]) -> list[Any]:
    values = [entry.get(key) for entry in entries]
    for i, value in enumerate(values):
        if not isinstance(value, kind):
            wanted = "a text" if kind is str else "a whole number or text"
            raise DataError(f"expected {wanted} as {key} of each of {part}, got {quoted(value)} in number {i} (from 0)")
    return values


def _images(images: list[dict[str, Any]]) -> tuple[list[str], dict[Any, int]]:
    """Paths of the images, each once, and the number of the path that each identifier stands for."""
    identifiers = _values(images, "images", "id", (int, str))
    number_of: dict[str, int] = {}
    row_of: dict[Any, int] = {}
    for identifier, name in zip(identifiers, _values(images, "images", "file_name", str), strict=True):
        path = relative_path(name)
        row = number_of.setdefault(path, len(number_of))
        if row_of.setdefault(identifier, row) != row:
            names = " and ".join(quoted(name) for name in (list(number_of)[row_of[identifier]], path))
            raise DataError(f"expected one file for each identifier in images, got {names} for {quoted(identifier)}")
    return list(number_of), row_of


def _numbered(identifiers: list[Any], part: str) -> dict[Any, int]:
    numbers = {identifier: i for i, identifier in enumerate(identifiers)}
    if len(numbers) < len(identifiers):
        identifier, count = Counter(identifiers).most_common(1)[0]
        raise DataError(f"expected distinct identifiers in {part}, got {quoted(identifier)} {count} times")
    return numbers


def _names(categories: list[dict[str, Any]]) -> tuple[dict[Any, str], list[Any]]:
    """Names by identifier, ascending, and the identifiers of those that are the supercategory of another."""
    identifiers = _values(categories, "categories", "id", (int, str))
    values = map(one_form, _values(categories, "categories", "name", str))
    names = dict(zip(_numbered(identifiers, "categories"), values, strict=True))
    members: dict[str, set[Any]] = {}
    for identifier, category in zip(identifiers, categories, strict=True):
        members.setdefault(one_form(str(category.get("supercategory"))), set()).add(identifier)
    supercategories = [identifier for identifier, name in names.items() if members.get(name, set()) - {identifier}]
    ordered = sorted(names.items(), key=lambda item: (isinstance(item[0], str), item[0]))
    return dict(ordered), supercategories


def _found(annotations: list[dict[str, Any]], key: str, numbers: dict[Any, int], part: str) -> np.ndarray:
    identifiers = _values(annotations, "annotations", key, (int, str))
    found = np.array([numbers.get(identifier, -1) for identifier in identifiers], dtype=np.int64)
    if (found < 0).any():
        i = int(np.argmax(found < 0))
        raise DataError(f"expected a {key} of {part}, got {quoted(identifiers[i])} in annotation {i} (from 0)")
    return found


def _counted(annotations: list[dict[str, Any]], *, crowd: bool, min_area: float) -> np.ndarray:
    counted = np.ones(len(annotations), dtype=bool)
    if not crowd:
        counted &= np.array([not _is_crowd(annotation, i) for i, annotation in enumerate(annotations)], dtype=bool)
    if min_area > 0:
        areas = [_area(annotation, i) for i, annotation in enumerate(annotations)]
        counted &= np.array(areas, dtype=np.float64) >= min_area
    return counted


def _is_crowd(annotation: dict[str, Any], i: int) -> bool:
    flag = annotation.get("iscrowd")
    if flag is not None and flag not in (0, 1):
        raise DataError(f"expected 0 or 1 as iscrowd, got {quoted(flag)} in annotation {i} (from 0)")
    return bool(flag)


def _area(annotation: dict[str, Any], i: int) -> float:
    area, box = annotation.get("area"), annotation.get("bbox")
    sides: list[Any] = box[2:] if area is None and isinstance(box, list) and len(box) == 4 else [area]
    if not all(isinstance(side, int | float) and 0 <= side <= sys.float_info.max for side in sides):
        raise DataError(f"expected an area or a bbox, both at least 0, got {quoted(sides)} in annotation {i} (from 0)")
    return math.prod(map(float, sides))
