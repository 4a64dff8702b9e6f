"""The labels of one image, as FiftyOne writes them in its two forms."""

from typing import Any

from lopsided.data.cell_values import one_form
from lopsided.files.errors import DataError, quoted

_LISTS = {"Classifications": "classifications", "Detections": "detections", "Polylines": "polylines"}


def labels_of_sample(value: Any) -> list[str] | None:
    """Names in a field of ``samples.json``; None where it is empty.

    Raises:
        DataError: The field holds something else.

    Example:
        >>> labels_of_sample({"_cls": "Classifications", "classifications": [{"label": "cat"}, {"label": "dog"}]})
        ['cat', 'dog']
    """
    if value is None:
        return None
    kind = value.get("_cls") if isinstance(value, dict) else None
    if kind in ("Classification", "Detection"):
        return None if value.get("label") is None else [_name(value)]
    inner = value.get(_LISTS[kind]) if kind in _LISTS else None
    if not isinstance(inner, list):
        raise DataError(f"expected classifications or detections, got {quoted(value)}")
    return [_name(each) for each in inner]


def labels_of_target(target: Any, classes: list[str]) -> list[str] | None:
    """Names in a target of ``labels.json``; None where it is empty.

    Args:
        target: A name, the number of a class from 0, an object with such a ``label``, or a list of these.
        classes: Names of the classes; empty where targets are names.

    Raises:
        DataError: The target is something else.

    Example:
        >>> labels_of_target([0, 1], ["cat", "dog"]), labels_of_target({"label": "cat", "confidence": 0.9}, [])
        (['cat', 'dog'], ['cat'])
    """
    if target is None:
        return None
    targets = target if isinstance(target, list) else [target]
    values = [each.get("label") if isinstance(each, dict) else each for each in targets]
    if not isinstance(target, list) and values == [None]:
        return None
    return [_of_class(value, classes) for value in values]


def _of_class(value: Any, classes: list[str]) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(classes):
            wanted = f"below {len(classes)}" if classes else "where the file lists classes"
            raise DataError(f"expected the number of a class {wanted}, got {value}")
        return classes[value]
    if isinstance(value, str) and one_form(value):
        if classes and one_form(value) not in map(one_form, classes):
            raise DataError(f"expected one of the classes {quoted(', '.join(classes))}, got {quoted(value)}")
        return value
    raise DataError(f"expected the name or number of a class, got {quoted(value)}")


def _name(label: Any) -> str:
    name = label.get("label") if isinstance(label, dict) else None
    if not isinstance(name, str) or not one_form(name):
        raise DataError(f"expected an object with the name of a label, got {quoted(label)}")
    return name
