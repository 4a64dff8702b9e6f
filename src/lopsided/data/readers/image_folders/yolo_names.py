"""What a data set of YOLO calls its classes, and where it says that images are."""

from pathlib import Path
from typing import Any

from lopsided.data.cell_values import one_form
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

_LARGEST = 5_000_000  # bytes of a list of names
_LISTS = ("classes.txt", "labels/classes.txt", "obj.names", "classes.names")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def names_and_places(folder: Path) -> tuple[tuple[str, ...], dict[str, list[str]], Path]:
    """Names of the classes by number, what the file says of the place of each split's images, and that file.

    Raises:
        DataError: There is no such file, there are several, or it is malformed.
    """
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".yaml", ".yml") and path.is_file()]
    described = {path: content for path in files if "names" in (content := _yaml(path))}
    if len(described) > 1:
        came = " and ".join(path.name for path in described)
        raise DataError(f"expected one YAML file with names, got {came}", path=folder)
    for path, content in described.items():
        try:
            return _names(content), _places(content), path
        except DataError as error:
            raise DataError(str(error), path=path) from None
    lists = [folder / name for name in _LISTS if (folder / name).is_file()]
    if not lists:
        raise DataError("expected data.yaml with names, or classes.txt, got neither", path=folder)
    names = [one_form(line) for line in _text(lists[0]).splitlines()]
    while names and not names[-1]:
        names.pop()
    try:
        return _checked(names), {}, lists[0]
    except DataError as error:
        raise DataError(str(error), path=lists[0]) from None


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        said = " ".join(str(getattr(error, "problem", None) or "something else").split())
        raise DataError(f"expected YAML, got {said}", path=path, line=line) from None
    except (RecursionError, ValueError) as error:
        raise DataError(f"expected YAML, got {error!s:.80}", path=path) from None
    return content if isinstance(content, dict) else {}


def _names(content: dict[str, Any]) -> tuple[str, ...]:
    names, count = content["names"], content.get("nc")
    if isinstance(names, dict):
        if sorted(map(str, names)) != sorted(map(str, range(len(names)))):
            came = quoted(", ".join(map(str, names)))
            raise DataError(f"expected the numbers of classes from 0 to {len(names) - 1}, got {came}")
        names = [name for _, name in sorted(names.items(), key=lambda item: int(item[0]))]
    if not isinstance(names, list):
        raise DataError(f"expected names, a list or one for each number, got {quoted(names)}")
    if count is not None and count != len(names):
        raise DataError(f"expected nc to be the number of names ({len(names)}), got {quoted(count)}")
    return _checked([one_form(str(name)) if isinstance(name, str | int) else "" for name in names])


def _checked(names: list[str]) -> tuple[str, ...]:
    if not names or not all(names):
        raise DataError("expected a name for each class, got an empty one" if names else "expected names, got none")
    if again := [name for name in names if names.count(name) > 1]:
        raise DataError(f"expected distinct names of classes, got {quoted(again[0])} twice")
    return tuple(names)


def _places(content: dict[str, Any]) -> dict[str, list[str]]:
    """For each split what stands there, beneath ``path`` and as it is."""
    found: dict[str, list[str]] = {}
    for key, split in _SPLITS.items():
        places = content.get(key) or []
        places = places if isinstance(places, list) else [places]
        if not all(isinstance(place, str) for place in places):
            raise DataError(f"expected the folder of images of {key}, or a list of folders, got something else")
        if places and split in found:
            raise DataError("expected one of val, valid and validation, got several")
        if places:
            found[split] = places
    return found


def _text(path: Path) -> str:
    try:
        return read_bytes(path, at_most=_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("expected text in UTF-8, got other bytes", path=path) from None
